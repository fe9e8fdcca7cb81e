"""The command line: what it prints, its exit codes, and its flags from the option table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import fasterapi.cli
from fasterapi import cli, config, server
from fasterapi.supervisor import spawner

ROOT = str(Path(fasterapi.cli.__file__).parents[1])
pytestmark = pytest.mark.usefixtures("logging_as_before")

HELLO = """
print("said while importing")
from fasterapi import FasterAPI
app = FasterAPI()
@app.get("/items/{item_id}")
async def read_item(item_id: int):
    return {"id": item_id}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    """A current folder with a small app in hello_cli.py."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    (tmp_path / "hello_cli.py").write_text(HELLO)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def served(monkeypatch) -> list[Any]:
    """What `run` would serve: (target, settings) pairs instead of a server."""
    calls: list[Any] = []

    def run_settings(target: Any, settings: Any) -> int:
        server.check_settings(settings)
        calls.append((target, settings))
        return 0

    monkeypatch.setattr(cli, "run_settings", run_settings)
    return calls


def call(capsys: Any, *arguments: str) -> SimpleNamespace:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return SimpleNamespace(code=caught.value.code, out=out, err=err)


# -- run -------------------------------------------------------------------------------------------


def test_run_passes_everything_on(folder, served, capsys):
    result = call(
        capsys,
        *("run", "hello_cli:app", "--host", "127.0.0.1", "--port", "0", "--workers", "3"),
        *("--log-level", "warning", "--root-path", "/api", "--access-log"),
        *("--queue-size", "64", "--no-lock-free-queue", "--header-timeout", "2.5"),
    )
    assert result.code == 0
    [(target, settings)] = served
    assert str(target) == "hello_cli:app"
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 0, 3)
    assert (settings.log_level, settings.root_path) == ("warning", "/api")
    assert settings.options == {
        "access_log": True,
        "queue_size": 64,
        "lock_free_queue": False,
        "header_timeout": 2.5,
    }


def test_run_leaves_options_that_are_not_given_to_others(folder, served, capsys):
    call(capsys, "run", "hello_cli.py", "--port", "0")
    assert served[0][1].options == {}


def test_every_option_of_the_table_is_a_flag():
    result = CliRunner().invoke(cli.app, ["run", "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "entrypoint of tool.fastapi in pyproject.toml" in " ".join(result.output.split())
    for name, option in config.OPTIONS.items():
        flag = name.replace("_", "-")
        assert f"--{flag}" in result.output
        if option.type is bool:
            assert f"--no-{flag}" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "--queue-sise", "5"], 2, ["--queue-sise", "--queue-size"]),
        (["run", "--port", "many"], 2, ["--port", "integer"]),
        (["run", "--queue-size", "x"], 2, ["--queue-size"]),
        (["run", "--queue-size", "1", "--port", "0"], 3, ["queue_size", "2", "1048576"]),
        (["rum"], 2, ["rum"]),
        (["run", "hello_cli:app", "more"], 2, ["more"]),
        (["run", "no_such_module:app", "--port", "0"], 3, ["no_such_module"]),
        (["run", "no/file.py"], 3, ["no/file.py"]),
        (["run", "hello_cli:nothing", "--port", "0"], 3, ["nothing", "hello_cli:app"]),
        (["explain", "missing.py"], 3, ["missing.py"]),
    ],
)
def test_wrong_usage_is_one_line(folder, arguments, code, words, capsys):
    if arguments[:2] in (["run", "--queue-size"], ["run", "--port"], ["run", "--queue-sise"]):
        (folder / "main.py").write_text(HELLO)
    result = call(capsys, *arguments)
    assert result.code == code
    lines = result.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


def test_no_app_found(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in ("run", "dev", "explain"):
        result = call(capsys, command)
        assert result.code == 3
        assert "no app found" in result.err
        assert "fasterapi run main:app" in result.err


def test_import_error_has_its_traceback_and_exit_code_3(folder, capsys):
    (folder / "bad_cli.py").write_text("def f():\n    1 / 0\nf()\n")
    result = call(capsys, "run", "bad_cli:app", "--port", "0")
    assert result.code == 3
    assert "Traceback" in result.err
    assert "bad_cli.py" in result.err
    assert result.err.splitlines()[-1].startswith("error: could not import bad_cli: ZeroDivision")


def test_without_arguments_the_help_is_shown(capsys):
    result = call(capsys)
    assert result.code == 2
    for command in ("run", "dev", "explain", "config", "version"):
        assert command in result.out + result.err


# -- looking ---------------------------------------------------------------------------------------


def test_explain_json_prints_json_only(folder, capsys):
    result = call(capsys, "explain", "hello_cli:app", "--json")
    assert result.code == 0
    report = json.loads(result.out)
    assert set(report) >= {"fastapi", "routes"}
    for route in report["routes"]:
        assert set(route) >= {"path", "methods", "name", "tier", "reasons"}
    assert "said while importing" in result.err


def test_explain_table(folder, capsys):
    result = call(capsys, "explain", "hello_cli.py", "--app", "app")
    assert result.code == 0
    assert result.out.strip()


DEMANDS = """
import fasterapi
from fastapi import Header
app = fasterapi.FasterAPI()
@app.get("/good")
@fasterapi.must_compile
async def good(): return 1
@app.post("/far")
async def far(a: str = Header(alias="ä")): ...
"""


@pytest.mark.parametrize(
    ("routes", "code", "words"),
    [
        ([], 0, ["1 route checked, all compiled"]),
        (["/good"], 0, ["1 route checked"]),
        (["POST /f*"], 1, ["POST /far must be compiled", "[param-name]"]),
        (["/good", "/far"], 1, ["POST /far"]),
    ],
)
def test_explain_check(folder, capsys, routes, code, words):
    (folder / "demands_cli.py").write_text(DEMANDS)
    options = [text for route in routes for text in ("--route", route)]
    result = call(capsys, "explain", "demands_cli:app", "--check", *options)
    assert result.code == code
    assert len(result.out.splitlines()) == 1
    for word in words:
        assert word in result.out


def test_explain_check_looks_at_marked_routes_whatever_is_named(folder, capsys):
    source = DEMANDS.replace("async def far", "@fasterapi.must_compile\nasync def far", 1)
    (folder / "demands_cli.py").write_text(
        source.replace(
            '@app.post("/far")\n@fasterapi.must_compile',
            '@fasterapi.must_compile\n@app.post("/far")',
        )
    )
    result = call(capsys, "explain", "demands_cli:app", "--check", "--route", "/good", "--json")
    assert result.code == 1
    report = json.loads(result.out)
    assert report["checked"] == 2
    assert "POST /far" in report["failures"][0]


def test_explain_check_without_anything_to_check(folder, capsys):
    result = call(capsys, "explain", "hello_cli:app", "--check")
    assert result.code == 0
    assert "Nothing to check" in result.out


def test_explain_route_selects_and_must_mean_something(folder, capsys):
    result = call(capsys, "explain", "hello_cli:app", "--json", "--route", "GET /items*")
    assert [route["path"] for route in json.loads(result.out)["routes"]] == ["/items/{item_id}"]
    result = call(capsys, "explain", "hello_cli:app", "--route", "/nowhere")
    assert result.code == 3
    assert "'/nowhere' means no route" in result.err


def test_explain_on_a_terminal(folder, capsys, monkeypatch):
    (folder / "demands_cli.py").write_text(DEMANDS)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")
    result = call(capsys, "explain", "demands_cli:app")
    assert "\x1b[32mcompiled" in result.out
    assert "use another alias to compile" in result.out


def test_explain_cost(folder, capsys):
    result = call(capsys, "explain", "hello_cli:app", "--cost", "--json", "--route", "/items*")
    assert result.code == 0
    (cost,) = json.loads(result.out)
    assert cost["status"] == 200
    assert cost["us"] > 0
    result = call(capsys, "explain", "hello_cli:app", "--cost", "--check")
    assert result.code == 3


def test_explain_of_another_asgi_app(folder, capsys):
    (folder / "raw_cli.py").write_text("async def app(scope, receive, send): ...\n")
    result = call(capsys, "explain", "raw_cli:app")
    assert result.code == 3
    assert "no FastAPI app" in result.err


def test_config_shows_value_and_source(capsys, monkeypatch):
    monkeypatch.setenv("FASTERAPI_QUEUE_SIZE", "128")
    result = call(capsys, "config", "--json")
    rows = {row["name"]: row for row in json.loads(result.out)}
    assert set(rows) == set(config.OPTIONS)
    assert rows["queue_size"]["value"] == 128
    assert "FASTERAPI_QUEUE_SIZE" in rows["queue_size"]["source"]
    assert rows["simd"]["source"] == "default"
    table = call(capsys, "config")
    assert "queue_size" in table.out
    assert "128" in table.out


def test_config_with_a_bad_environment_variable(capsys, monkeypatch):
    monkeypatch.setenv("FASTERAPI_QUEUE_SIZE", "lots")
    result = call(capsys, "config")
    assert result.code == 3
    assert "queue_size" in result.err.lower()


def test_version(capsys):
    result = call(capsys, "version")
    assert result.code == 0
    assert result.out.startswith(f"FasterAPI {fasterapi.__version__} (FastAPI ")


# -- dev -------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
log = {log}
os.write(log, b"start\\n")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
{body}
"""
RELOADER = """
import subprocess, sys
from fasterapi.reload import Reloader, Watched
def spawn(slot, control):
    script = sys.argv[1]
    return subprocess.Popen([sys.executable, script, str(control)], pass_fds=(control, {log}))
sys.exit(Reloader(spawn, Watched([sys.argv[2]])).run())
"""


@pytest.fixture
def reloader(tmp_path) -> Iterator[Any]:
    """A Reloader in a process of its own; its child runs child.py, the folder src is watched."""
    ours, theirs = os.pipe()
    (tmp_path / "src").mkdir()
    started: list[Any] = []

    def start(body: str) -> Any:
        (tmp_path / "child.py").write_text(CHILD.format(log=theirs, body=body))
        command = [sys.executable, "-c", RELOADER.format(log=theirs)]
        process = subprocess.Popen(
            [*command, str(tmp_path / "child.py"), str(tmp_path / "src")],
            pass_fds=(theirs,),
            env={**os.environ, "PYTHONPATH": ROOT},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return SimpleNamespace(process=process, src=tmp_path / "src", log=os.fdopen(ours))

    yield start
    os.close(theirs)
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(30)
        process.stderr.close()


WAIT_FOR_PARENT = "import socket; socket.socket(fileno=int(sys.argv[1])).recv(1); os._exit(0)"


def touch_until(run: Any, text: str) -> None:
    """Change a file until the child starts again (the watch may begin after the first change)."""
    import select

    for number in range(200):
        (run.src / "x.py").write_text(f"n = {number}\n")
        if select.select([run.log], [], [], 0.25)[0]:
            assert run.log.readline() == text
            return
    raise AssertionError("the child was not started again")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_change_restarts_the_child_and_a_signal_ends_both(reloader, number):
    run = reloader(WAIT_FOR_PARENT)
    with run.log:
        assert run.log.readline() == "start\n"
        touch_until(run, "start\n")
        run.process.send_signal(number)
        assert run.process.wait(30) == 0


def test_child_that_ends_is_started_again_by_the_next_change(reloader):
    run = reloader("sys.exit(3)")
    with run.log:
        assert run.log.readline() == "start\n"
        for line in run.process.stderr:
            if "waiting for a change" in line:
                assert "exit code 3" in line
                break
        touch_until(run, "start\n")
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(30) == 0


def test_dev_turns_the_access_log_on(folder, monkeypatch, capsys):
    seen: list[Any] = []

    def fake_spawner(message: Any, kept: list[int], **options: Any) -> Any:
        seen.append(message)
        return spawner(message, kept, **options)

    class FakeReloader:
        def __init__(self, spawn: Any, watched: Any, delay: float):
            seen.append(watched.folders)

        def run(self) -> int:
            return 0

    monkeypatch.setattr("fasterapi.reload.spawner", fake_spawner)
    monkeypatch.setattr("fasterapi.reload.Reloader", FakeReloader)
    assert call(capsys, "dev", "hello_cli:app", "--port", "0").code == 0
    assert seen[0]["settings"]["defaults"]["access_log"] is True
    assert seen[0]["target"]["module"] == "hello_cli"
    assert seen[1] == ["."]
    call(capsys, "dev", "hello_cli:app", "--port", "0", "--no-access-log", "--reload-dir", ".")
    assert seen[2]["settings"]["options"]["access_log"] is False


def test_reload_dir_must_be_a_folder(folder, capsys):
    result = call(capsys, "dev", "hello_cli:app", "--port", "0", "--reload-dir", "nowhere")
    assert result.code == 3
    assert "--reload-dir nowhere is not a folder" in result.err
