"""Options: checking, environment variables, precedence, and the generated table."""

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from fasterapi import _native, _options, config
from fasterapi.applications import AppOptions
from fasterapi.config import (
    OPTIONS,
    check_option,
    environment_options,
    render_options,
    resolve_options,
    settings,
)

OPTIONS_FILE = Path(_options.__file__)


def test_defaults_are_within_their_bounds():
    for option in OPTIONS.values():
        assert check_option(option.name, option.default) == option.default
        assert type(option.default) is option.type
        assert option.help
        if option.type is not bool:
            assert option.minimum < option.maximum


def test_bounds_are_included_and_nothing_beyond_them():
    for option in OPTIONS.values():
        if option.type is bool:
            continue
        for value in (option.minimum, option.maximum):
            assert check_option(option.name, value) == value
        for value in (option.minimum - 1, option.maximum + 1):
            with pytest.raises(ValueError) as caught:
                check_option(option.name, value)
            for word in (option.name, str(value), option.bounds_text):
                assert word in str(caught.value)


def test_unknown_name_tells_the_nearest():
    with pytest.raises(TypeError, match=r"unknown option 'queue_sise'; did you mean 'queue_size'"):
        check_option("queue_sise", 1)
    with pytest.raises(TypeError, match=r"unknown option 'qqqqqq'$"):
        check_option("qqqqqq", 1)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("queue_size", "5", "queue_size takes a whole number, not '5'"),
        ("queue_size", 5.0, "queue_size takes a whole number"),
        ("queue_size", True, "queue_size takes a whole number"),
        ("queue_size", None, "queue_size takes a whole number"),
        ("body_timeout", "5", "body_timeout takes a number of seconds"),
        ("body_timeout", True, "body_timeout takes a number of seconds"),
        ("simd", 1, "simd takes True or False, not 1"),
        ("simd", "on", "simd takes True or False"),
    ],
)
def test_wrong_type(name, value, words):
    with pytest.raises(TypeError) as caught:
        check_option(name, value)
    assert words in str(caught.value)


def test_a_whole_number_of_seconds_becomes_a_float():
    value = check_option("body_timeout", 5)
    assert value == 5.0
    assert type(value) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_odd_numbers_of_seconds_are_out_of_bounds(value):
    with pytest.raises(ValueError, match="body_timeout"):
        check_option("body_timeout", value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("QUEUE_SIZE", "128", 128),
        ("QUEUE_SIZE", " 128 ", 128),
        ("BODY_TIMEOUT", "2.5", 2.5),
        ("BODY_TIMEOUT", "3", 3.0),
        ("SIMD", "off", False),
        ("SIMD", "TRUE", True),
        ("SIMD", "0", False),
        ("SIMD", "Yes", True),
    ],
)
def test_environment_variable(name, text, value):
    assert environment_options({f"FASTERAPI_{name}": text}) == {name.lower(): value}


def test_empty_and_foreign_variables_are_ignored():
    environ = {"FASTERAPI_QUEUE_SIZE": "", "FASTERAPI_NO_CORE": "1", "QUEUE_SIZE": "x"}
    assert environment_options(environ) == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("QUEUE_SIZE", "lots"),
        ("QUEUE_SIZE", "1"),
        ("QUEUE_SIZE", "1.5"),
        ("BODY_TIMEOUT", "soon"),
        ("BODY_TIMEOUT", "nan"),
        ("SIMD", "maybe"),
        ("SIMD", "2"),
    ],
)
def test_bad_environment_variable_is_named(name, text):
    with pytest.raises(ValueError) as caught:
        environment_options({f"FASTERAPI_{name}": text})
    assert f"FASTERAPI_{name}" in str(caught.value)
    assert text in str(caught.value)


def test_this_process_s_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("FASTERAPI_BACKLOG", "77")
    assert environment_options()["backlog"] == 77
    assert resolve_options()["backlog"] == 77


def test_precedence_flag_argument_environment_default():
    environ = {"FASTERAPI_QUEUE_SIZE": "30", "FASTERAPI_BACKLOG": "30", "FASTERAPI_SPIN_US": "30"}
    arguments = {"queue_size": 20, "backlog": 20}
    flags = {"queue_size": 10}
    found = {
        one.option.name: (one.value, one.source) for one in settings(flags, arguments, environ)
    }
    assert found["queue_size"] == (10, "flag")
    assert found["backlog"] == (20, "argument")
    assert found["spin_us"] == (30, "FASTERAPI_SPIN_US")
    assert found["simd"] == (True, "default")
    assert list(found) == list(OPTIONS)
    assert resolve_options(flags, arguments, environ)["backlog"] == 20


def test_every_source_is_checked():
    with pytest.raises(TypeError, match="queue_sise"):
        resolve_options({"queue_sise": 1})
    with pytest.raises(ValueError, match="queue_size"):
        resolve_options(None, {"queue_size": 1})


def test_texts():
    assert OPTIONS["simd"].default_text == "on"
    assert OPTIONS["simd"].bounds_text == "on or off"
    assert OPTIONS["queue_size"].bounds_text == "2 to 1048576"
    assert OPTIONS["queue_size"].env_name == "FASTERAPI_QUEUE_SIZE"


# -- the generated table ---------------------------------------------------------------------------


def test_options_file_is_what_the_generator_prints():
    assert OPTIONS_FILE.read_text(encoding="utf-8") == render_options(_options.TABLE)


@pytest.mark.skipif(_native.core is None, reason="needs the core")
def test_table_is_the_core_s():
    assert tuple(_native.core.config_options()) == _options.TABLE
    assert [type(row[2]) for row in _native.core.config_options()] == [
        type(row[2]) for row in _options.TABLE
    ]


def test_every_option_is_a_typed_keyword():
    hints = get_type_hints(_options.CoreOptions)
    assert hints == {name: option.type for name, option in OPTIONS.items()}


def test_fastapi_s_arguments_are_typed_keywords_too():
    keywords = set(AppOptions.__annotations__) | set(_options.SharedOptions.__annotations__)
    assert keywords == config.fastapi_arguments() | set(OPTIONS)
    assert "max_body_size" not in _options.SharedOptions.__annotations__


def test_fastapi_s_arguments_are_known_behind_another_class(monkeypatch):
    class Watched(config.FastAPI):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    known = config.fastapi_arguments()
    monkeypatch.setattr(config, "FastAPI", Watched)
    assert config.fastapi_arguments() == known


def test_generator_without_a_core_says_so():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "fasterapi.config", "--write"],
        env={**os.environ, "FASTERAPI_NO_CORE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "FASTERAPI_NO_CORE" in done.stderr


def test_generator_writes_beside_itself(monkeypatch, tmp_path, capsys):
    class Core:
        @staticmethod
        def config_options():
            return list(_options.TABLE[:2])

    monkeypatch.setattr(_native, "core", Core)
    monkeypatch.setattr(config, "__file__", str(tmp_path / "config.py"))
    assert config.main(["--write"]) == 0
    written = (tmp_path / "_options.py").read_text(encoding="utf-8")
    ast.parse(written)
    assert config.main([]) == 0
    assert capsys.readouterr().out == written


def test_an_options_other_name_is_a_variable_too():
    environ = {"FASTERAPI_TIMEOUT_KEEP_ALIVE": "5", "FASTERAPI_BACKLOG": "7"}
    found = {one.option.name: one for one in settings(environ=environ)}
    assert found["keep_alive_timeout"].value == 5.0
    assert found["keep_alive_timeout"].source == "FASTERAPI_TIMEOUT_KEEP_ALIVE"
    assert found["backlog"].source == "FASTERAPI_BACKLOG"
    environ["FASTERAPI_KEEP_ALIVE_TIMEOUT"] = "6"
    found = {one.option.name: one for one in settings(environ=environ)}
    assert found["keep_alive_timeout"].value == 6.0
    assert found["keep_alive_timeout"].source == "FASTERAPI_KEEP_ALIVE_TIMEOUT"
    with pytest.raises(ValueError, match="FASTERAPI_TIMEOUT_KEEP_ALIVE is 'x'"):
        environment_options({"FASTERAPI_TIMEOUT_KEEP_ALIVE": "x"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90.0),
        (" 0.5 ", 0.5),
        ("2S", 2.0),
        ("6m", 360.0),
        ("24h", 86400.0),
        ("1h30m", 5400.0),
        ("1d2h3m4s", 93784.0),
    ],
)
def test_durations(text, value):
    assert config.seconds(text) == value
    found = config.environment_options({"FASTERAPI_WORKERS_LIFETIME": text})
    assert found == {"workers_lifetime": value}


@pytest.mark.parametrize("text", ["", " ", "h", "30m1h", "1.5h", "1 h", "-1s", "soon"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="is no number of seconds"):
        config.seconds(text)
