"""``--log-config``: three kinds of files, Uvicorn's formatters without Uvicorn, clear errors."""

from __future__ import annotations

import io
import json
import logging
import pathlib
import sys
from typing import Any

import pytest

from fasterapi import log_config
from fasterapi.formatters import ACCESS_FORMAT, AccessFormatter, DefaultFormatter
from fasterapi.log import StartupError

pytestmark = pytest.mark.usefixtures("logging_as_before")


def config_with(formatter: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"access": formatter},
        "handlers": {"h": {"class": "logging.StreamHandler", "formatter": "access"}},
        "loggers": {"uvicorn.access": {"handlers": ["h"]}},
    }


def formatter_in_use() -> logging.Formatter | None:
    return logging.getLogger("uvicorn.access").handlers[0].formatter


@pytest.fixture
def no_uvicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_config, "_has_uvicorn", lambda: False)


@pytest.mark.usefixtures("no_uvicorn")
@pytest.mark.parametrize("name", ["DefaultFormatter", "AccessFormatter", "ColourizedFormatter"])
def test_uvicorns_formatters_are_served_by_ours(name: str):
    log_config.apply(config_with({"()": f"uvicorn.logging.{name}", "fmt": "%(message)s"}), None)
    made = formatter_in_use()
    assert type(made) is (AccessFormatter if name.startswith("Access") else DefaultFormatter)


def test_where_uvicorn_is_its_own_are_used():
    log_config.apply(config_with({"()": "uvicorn.logging.AccessFormatter"}), None)
    assert type(formatter_in_use()).__module__ == "uvicorn.logging"


@pytest.mark.usefixtures("no_uvicorn")
@pytest.mark.parametrize("colours", [True, False])
def test_colours_may_be_chosen(colours: bool):
    log_config.apply(config_with({"()": "uvicorn.logging.AccessFormatter"}), colours)
    made = formatter_in_use()
    assert isinstance(made, AccessFormatter)
    assert made.use_colors is colours


def test_the_dict_of_the_caller_is_left_alone():
    given = config_with({"()": "uvicorn.logging.AccessFormatter"})
    copy = json.loads(json.dumps(given))
    log_config.apply(given, True)
    assert given == copy


YAML = """
version: 1
disable_existing_loggers: false
handlers: {h: {class: logging.NullHandler}}
loggers: {uvicorn.access: {handlers: [h]}}
"""


def test_a_yaml_file(tmp_path: pathlib.Path):
    path = tmp_path / "log.yaml"
    path.write_text(YAML)
    log_config.apply(path, None)
    assert type(logging.getLogger("uvicorn.access").handlers[0]) is logging.NullHandler


def test_yaml_without_its_package(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    path = tmp_path / "log.yml"
    path.write_text(YAML)
    with pytest.raises(StartupError, match="pip install pyyaml"):
        log_config.apply(path, None)


BAD_INI = "[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("log.json", "{", "cannot be parsed"),
        ("log.json", "[1]", "no mapping"),
        ("log.json", '{"handlers": {}}', "version"),
        ("log.json", '{"version": 1, "handlers": {"h": {"class": "no.Such"}}}', "no"),
        ("log.json", '{"version": 1, "formatters": {"f": {"()": "json.nothing"}}}', "f"),
        ("log.ini", "nothing", "log.ini"),
        ("log.ini", BAD_INI, "logger_root"),
        ("log.conf", "", "formatters"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(
    tmp_path: pathlib.Path, name: str, text: str, words: str
):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(StartupError) as caught:
        log_config.apply(path, None)
    message = str(caught.value)
    assert message.startswith("log_config: ")
    assert str(path) in message
    assert words in message
    assert "\n" not in message


def test_a_missing_file():
    with pytest.raises(StartupError, match=r"cannot read /no/such\.json: .*No such file"):
        log_config.apply("/no/such.json", None)


def test_the_access_formatter():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    arguments = ("1.2.3.4:5", "GET", "/x", "1.1", 404)
    record = logging.LogRecord(
        "n", logging.INFO, "f", 1, '%s - "%s %s HTTP/%s" %d', arguments, None
    )
    handler.setFormatter(AccessFormatter(ACCESS_FORMAT, use_colors=False))
    handler.handle(record)
    handler.setFormatter(AccessFormatter("%(message)s %(status_code)s", use_colors=True))
    handler.handle(record)
    assert out.getvalue().splitlines() == [
        'INFO:     1.2.3.4:5 - "GET /x HTTP/1.1" 404 Not Found',
        '1.2.3.4:5 - "GET /x HTTP/1.1" 404 \x1b[31m404 Not Found\x1b[0m',
    ]


def test_a_coloured_message():
    formatter = DefaultFormatter("%(levelprefix)s %(message)s", use_colors=True)
    record = logging.LogRecord("n", logging.ERROR, "f", 1, "port %d", (80,), None)
    record.__dict__["color_message"] = "port \x1b[1m%d\x1b[0m"
    assert formatter.format(record) == "\x1b[31mERROR\x1b[0m:    port \x1b[1m80\x1b[0m"
    record.levelno = 7
    record.levelname = "OWN"
    assert formatter.format(record).startswith("OWN:      ")
