"""From what was given to settings: who wins, where the app is, on which address, which words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from fasterapi.launch import Given, command_settings, keyword_settings, program_target
from fasterapi.log import StartupError
from fasterapi.settings import core_options

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """A current folder with main.py and src/shop.py, and no variables that others have set."""
    (tmp_path / "main.py").write_text("app = 1\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/shop.py").write_text("app = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("PORT", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def command(target: str | None = "main:app", defaults: Any = None, **flags: Any) -> Any:
    return command_settings(Given.of(flags, defaults), target, {})[1]


def program(**keywords: Any) -> Any:
    return keyword_settings(Given.of(keywords))


# -- who wins --------------------------------------------------------------------------------------


def test_flag_then_ours_then_uvicorns_then_default(monkeypatch):
    assert command().port == 8000
    monkeypatch.setenv("UVICORN_PORT", "1")
    assert command().port == 1
    monkeypatch.setenv("FASTERAPI_PORT", "2")
    assert command().port == 2
    assert command(port=3).port == 3


def test_the_same_for_the_cores_options(monkeypatch):
    def keep_alive(**flags: Any) -> Any:
        settings = command(defaults={"access_log": True}, **flags)
        options = core_options(settings.options, None, settings.defaults)
        assert options["access_log"] is True
        return options["keep_alive_timeout"]

    assert keep_alive() == 75.0
    monkeypatch.setenv("UVICORN_TIMEOUT_KEEP_ALIVE", "1")
    assert keep_alive() == 1.0
    monkeypatch.setenv("FASTERAPI_TIMEOUT_KEEP_ALIVE", "2")
    assert keep_alive() == 2.0
    monkeypatch.setenv("FASTERAPI_KEEP_ALIVE_TIMEOUT", "3")
    assert keep_alive() == 3.0
    assert keep_alive(keep_alive_timeout=4.0) == 4.0


def test_workers(monkeypatch):
    assert command().workers == 1
    monkeypatch.setenv("WEB_CONCURRENCY", "2")
    assert command().workers == program().workers == 2
    monkeypatch.setenv("UVICORN_WORKERS", "3")
    assert command().workers == 3
    assert program().workers == 2
    monkeypatch.setenv("FASTERAPI_WORKERS", "4")
    assert command().workers == program().workers == 4
    assert command(workers=1).workers == program(workers=1).workers == 1


def test_a_program_does_not_read_uvicorns_variables(monkeypatch):
    monkeypatch.setenv("UVICORN_PORT", "1")
    monkeypatch.setenv("UVICORN_BACKLOG", "7")
    settings = program()
    assert (settings.port, settings.defaults) == (8000, {})
    monkeypatch.setenv("FASTERAPI_PORT", "2")
    assert program().port == 2


def test_an_env_file_comes_before_the_variables_are_read(folder, monkeypatch):
    for name in ("WEB_CONCURRENCY", "FASTERAPI_ROOT_PATH", "UVICORN_PORT"):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    (folder / "a.env").write_text("WEB_CONCURRENCY=2\nFASTERAPI_ROOT_PATH=/x\nUVICORN_PORT=6\n")
    settings = command(env_file=["a.env"])
    assert (settings.workers, settings.root_path) == (2, "/x")
    assert settings.port == 8000  # Uvicorn's variables are read before, as it does


def test_a_commands_own_values_come_last(monkeypatch):
    def dev() -> Any:
        return command_settings(Given.of({}), "main:app", {"reload": True, "host": "::1"})[1]

    assert (dev().reload, dev().host) == (True, "::1")
    monkeypatch.setenv("UVICORN_HOST", "127.0.0.9")
    monkeypatch.setenv("FASTERAPI_RELOAD", "off")
    assert (dev().reload, dev().host) == (False, "127.0.0.9")


# -- where the app is, and on which address --------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "flags", "host"),
    [
        ("main:app", {}, "127.0.0.1"),
        ("main", {}, "127.0.0.1"),
        ("main.py", {}, "0.0.0.0"),
        ("main.py:app", {}, "0.0.0.0"),
        ("./main.py", {}, "0.0.0.0"),
        (None, {}, "0.0.0.0"),
        (None, {"entrypoint": "main:app"}, "0.0.0.0"),
        ("main.py", {"host": "::1"}, "::1"),
    ],
)
def test_the_address_of_each_form(target, flags, host):
    assert command(target, **flags).host == host


def test_port_is_a_variable_of_fastapi_run(monkeypatch):
    monkeypatch.setenv("PORT", "81")
    assert command("main.py").port == 81
    assert command("main:app").port == 8000
    assert command("main.py", port=82).port == 82
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(StartupError, match="PORT is 'http', but must be a whole number"):
        command("main.py")


def test_where_the_app_is(folder, monkeypatch):
    def place(target: str | None, **flags: Any) -> Any:
        return command_settings(Given.of(flags), target, {})[0]

    assert place("shop:app", app_dir="src").sys_path == str(folder / "src")
    assert place("shop.py", app_dir="src").sys_path == str(folder / "src")
    assert place("main:make", factory=True).factory is True
    monkeypatch.setenv("UVICORN_APP", "main:theirs")
    assert place(None).attribute == "theirs"
    monkeypatch.setenv("FASTERAPI_APP", "main:ours")
    assert place(None).attribute == "ours"
    assert place("main:app").attribute == "app"
    with pytest.raises(StartupError, match="app_dir: nowhere is no folder"):
        place("main:app", app_dir="nowhere")
    with pytest.raises(StartupError, match="not both"):
        place("main:app", entrypoint="main:app")


def test_working_dir(folder):
    place, _ = command_settings(Given.of({"working_dir": "src"}), "shop:app", {})
    assert place.sys_path == str(folder / "src")
    with pytest.raises(StartupError, match="working_dir: cannot change to nowhere"):
        command(working_dir="nowhere")


def test_app_dir_of_a_program(folder):
    assert program_target("shop:app", {"app_dir": "src"}).sys_path == str(folder / "src")
    program(app_dir="src")
    assert sys.path[0] == "src"


# -- words -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        ({"uds_permissions": "660"}, "uds_permissions", 0o660),
        ({"uds_permissions": "0o600"}, "uds_permissions", 0o600),
        ({"uds_permissions": 0o640}, "uds_permissions", 0o640),
        ({"headers": ["X-A: b:c", ("y", "1")]}, "headers", [("x-a", "b:c"), ("y", "1")]),
        ({"ws": "none"}, "websockets", False),
        ({"ws": "wsproto", "http": "httptools"}, "websockets", True),
        ({"interface": "asginl"}, "lifespan", "off"),
        ({"interface": "asgi3"}, "interface", "auto"),
        ({"interface": "asgi2"}, "interface", "asgi2"),
        ({"verbose": True}, "log_level", "debug"),
        ({"verbose": True, "log_level": "error"}, "log_level", "error"),
        ({"pid_file": Path("x.pid")}, "pid_file", "x.pid"),
    ],
)
def test_what_values_mean(flags, field, value):
    assert getattr(command(**flags), field) == value


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"uds_permissions": "9"}, ["uds_permissions", "'9'", "660"]),
        ({"uds_permissions": 0o1000}, ["uds_permissions", "0o1000"]),
        ({"http": "zttp"}, ["http", "zttp", "auto", "h11"]),
        ({"ws": "x"}, ["ws", "'x'", "none", "auto"]),
        ({"interface": "rsgi"}, ["interface", "rsgi", "asgi3"]),
        ({"headers": ["x"]}, ["header", "'x'", "NAME:VALUE"]),
        ({"headers": [":x"]}, ["header", "':x'", "name"]),
        ({"env_file": ["nowhere.env"]}, ["env_file", "nowhere.env"]),
    ],
)
def test_values_that_mean_nothing(flags, words):
    with pytest.raises(StartupError) as caught:
        command(**flags)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"port": "80"}, "port takes int, not '80'"),
        ({"workers": True}, "workers takes int, not True"),
        ({"reload": "yes"}, "reload takes bool, not 'yes'"),
        ({"uds": 5}, "uds takes str, not 5"),
        ({"log_config": object}, "log_config takes dict or str, not"),
        ({"reload_delay": "1"}, "reload_delay takes float or int, not '1'"),
    ],
)
def test_values_of_another_kind(keywords, words):
    with pytest.raises(StartupError, match=words):
        program(**keywords)


def test_workers_have_no_effect_while_reloading(caplog):
    assert command(workers=3, reload=True).workers == 1
    assert '"workers" has no effect' in caplog.text
    command(reload_dirs=["src"])
    assert "no effect without reload" in caplog.text
