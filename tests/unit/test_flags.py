"""Flags of other servers: each is here under its name, or says what to use instead."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import granian.cli
import pytest
import typer
import uvicorn

from fasterapi import cli, config, keywords
from fasterapi.flags import (
    FLAGS,
    PLACE,
    UVICORN_FLAGS,
    UVICORN_OPTIONS,
    instead_of,
    spelled_out,
)
from fasterapi.log import StartupError
from fasterapi.settings import Settings


def flags_of(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield from (*parameter.opts, *parameter.secondary_opts)


def ours(name: str) -> set[str]:
    commands: Any = typer.main.get_command(cli.app)
    return set(flags_of(commands.commands[name])) | {"-h", "--help"}


#: Of `fastapi run` and `fastapi dev` 0.0.34.
FASTAPI = (
    *("--host", "--port", "--reload", "--no-reload", "--root-path", "--app", "--entrypoint", "-e"),
    *("--proxy-headers", "--no-proxy-headers", "--forwarded-allow-ips", "--reload-dir"),
    *("--verbose", "-v"),
)


@pytest.mark.parametrize("command", ["run", "dev"])
def test_the_flags_of_fastapi_are_here(command):
    assert set(FASTAPI) <= ours(command)
    assert "--workers" in ours("run")
    assert "--version" in ours(command)


@pytest.mark.parametrize(
    ("who", "command"), [("uvicorn", uvicorn.main), ("granian", granian.cli.cli)]
)
def test_each_flag_of_other_servers_is_here_or_says_what_to_use(who, command):
    flags = set(flags_of(command))
    assert len(flags) > 50
    known = ours("run")
    assert [flag for flag in flags - known if instead_of(flag) is None] == []
    assert [flag for flag in flags & known if instead_of(flag) is not None] == []
    if who == "uvicorn":
        missing = {flag for flag in flags - known if not flag.startswith("--ssl-")}
        assert missing == {"--http2", "--reset-contextvars"}


def test_what_to_use_instead_exists():
    known = ours("run")
    for flag in ("--ssl-keyfile", "--backpressure", "--blocking-threads", "--reload-tick"):
        words = str(instead_of(flag)).replace(",", " ").split()
        assert words[0] == flag
        for word in words[1:]:
            if word.startswith("--"):
                assert word in known, flag
    assert instead_of("--queue-sise") is None
    assert instead_of("--logs") is None


def test_uvicorns_variables_are_known():
    names = {flag.name for flag in UVICORN_FLAGS} | set(UVICORN_OPTIONS)
    assert set(UVICORN_OPTIONS.values()) <= set(config.OPTIONS)
    unknown = []
    for parameter in uvicorn.main.params:
        flag = f"--{parameter.name}".replace("_", "-")
        if parameter.name not in {*names, "app", "version"} and instead_of(flag) is None:
            unknown.append(parameter.name)
    assert unknown == []


def test_uvicorns_keywords_are_taken():
    for function in (uvicorn.run, uvicorn.Config.__init__):
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if name not in ("self", "app")
        }
        values = keywords.keyword_values(defaults)
        assert values["port"] == 8000
        assert values["log_config"] == uvicorn.config.LOGGING_CONFIG
        assert values["keep_alive_timeout"] == 5
        assert "ssl_keyfile" not in values


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ssl_certfile": "x.pem"}, ["ssl_certfile", "proxy"]),
        ({"http2": True}, ["http2", "proxy"]),
        ({"reset_contextvars": True}, ["reset_contextvars"]),
        ({"prot": 80}, ["prot", "port"]),
        ({"queue_sise": 80}, ["queue_sise", "queue_size"]),
    ],
)
def test_keywords_that_mean_nothing_here(given, words):
    with pytest.raises(StartupError) as caught:
        keywords.keyword_values(given)
    for word in words:
        assert word in str(caught.value)


def test_none_is_not_given_but_where_it_means_something():
    assert (
        keywords.keyword_values(
            {"workers": None, "limit_concurrency": None, "timeout_graceful_shutdown": None}
        )
        == {}
    )
    assert keywords.keyword_values({"log_config": None, "ws_ping_interval": None}) == {
        "keep_logging": True,
        "ws_ping_interval": 0.0,
    }


def test_text_or_a_list_of_it():
    assert keywords.keyword_values({"reload_dirs": "a", "env_file": Path("b"), "headers": []}) == {
        "reload_dirs": ["a"],
        "env_file": [Path("b")],
        "headers": [],
    }


def test_the_types_name_each_keyword():
    hints = set(get_type_hints(keywords.RunOptions)) | {"host", "port"}
    flags = {flag.name for flag in FLAGS} - {"verbose"}
    assert hints == flags | {"app_dir", "factory"} | set(config.OPTIONS) | set(config.ALIASES)


def test_each_flag_is_a_setting_or_settles_one():
    fields = set(Settings.__dataclass_fields__)
    settled = {"env_file", "http", "ws", "verbose"}
    assert {flag.name for flag in FLAGS} - settled <= fields
    assert not {flag.name for flag in PLACE} & fields


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--ws-per-message-deflate", "false", "x"], ["--no-ws-per-message-deflate", "x"]),
        (["--ws-per-message-deflate", "True"], ["--ws-per-message-deflate"]),
        (["--ws-per-message-deflate=0"], ["--no-ws-per-message-deflate"]),
        (["--ws-per-message-deflate", "main:app"], ["--ws-per-message-deflate", "main:app"]),
        (["--ws-per-message-deflate=x"], ["--ws-per-message-deflate=x"]),
        (["--no-ws-per-message-deflate", "a"], ["--no-ws-per-message-deflate", "a"]),
        (["--", "--ws-per-message-deflate", "no"], ["--", "--ws-per-message-deflate", "no"]),
    ],
)
def test_on_or_off_with_a_value(words, meant):
    assert spelled_out(words) == meant
