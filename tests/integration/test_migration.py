"""Start commands as people have them in Dockerfiles, units and compose files: one word changes."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from live_server import LiveServer, run_to_exit, wait_until
from wire import WireError, exchange

APP = """
import os
from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def root() -> dict[str, str | None]:
    return {"greeting": os.environ.get("GREETING"), "pid": str(os.getpid())}


def create_app() -> FastAPI:
    return app
"""
FILES = {
    "main.py": APP,
    "app/__init__.py": "",
    "app/main.py": APP,
    "src/shop/__init__.py": "",
    "src/shop/api.py": APP,
    ".env": "GREETING=hello\n",
    "log.json": json.dumps({"version": 1, "disable_existing_loggers": False}),
}

#: How one starts what: a line of a Dockerfile (D), a unit (U), a compose file (C) or a shell (S),
#: variables, and what is to be seen: the address, and how many workers.
COMMANDS: tuple[tuple[str, dict[str, str], str], ...] = (
    ('D CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "80"]', {}, "0.0.0.0"),
    (
        'D CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8080", "--proxy-headers", '
        '"--forwarded-allow-ips", "*"]',
        {},
        "0.0.0.0",
    ),
    ("D CMD exec uvicorn main:app --host 0.0.0.0 --port ${PORT} --workers 1", {}, "0.0.0.0"),
    ('D CMD ["fastapi", "run", "app/main.py", "--port", "80"]', {}, "0.0.0.0"),
    ('D CMD ["fastapi", "run", "--workers", "2"]', {"PORT": "0"}, "0.0.0.0 2"),
    ('D CMD ["fastapi", "run", "app/main.py", "--proxy-headers"]', {"PORT": "0"}, "0.0.0.0"),
    ("D CMD fastapi run --entrypoint app.main:app --port 8000 --root-path /api", {}, "0.0.0.0"),
    ('D CMD ["python", "-m", "uvicorn", "main:app", "--port", "5000"]', {}, "127.0.0.1"),
    (
        "U ExecStart=/srv/venv/bin/uvicorn main:app --workers 2 --port 8001 --log-level warning "
        "--timeout-keep-alive 30 --timeout-graceful-shutdown 5",
        {},
        "127.0.0.1 2",
    ),
    ("U ExecStart=/srv/venv/bin/uvicorn main:app --uds ./shop.sock --no-access-log", {}, "unix"),
    (
        "U ExecStart=/usr/bin/env uvicorn shop.api:app --app-dir src --env-file .env --port 8002",
        {},
        "127.0.0.1 hello",
    ),
    (
        "U ExecStart=/opt/shop/bin/uvicorn main:create_app --factory --log-config log.json "
        "--no-use-colors --port 9000",
        {},
        "127.0.0.1",
    ),
    (
        "U ExecStart=/opt/bin/uvicorn main:app --port 9001 --limit-concurrency 500 --backlog 512 "
        "--limit-max-requests 100000 --limit-max-requests-jitter 1000",
        {},
        "127.0.0.1",
    ),
    (
        "C command: uvicorn main:app --host 0.0.0.0 --port 8000 --reload --reload-dir app "
        "--reload-exclude 'tests/*'",
        {},
        "0.0.0.0",
    ),
    (
        "C command: uvicorn app.main:app --host=0.0.0.0 --port=8000 --ws websockets --http httptools "
        "--loop uvloop --lifespan on",
        {},
        "0.0.0.0",
    ),
    ("C command: fastapi dev main.py --host 0.0.0.0 --port 8000", {}, "0.0.0.0"),
    ("C command: uvicorn main:app", {"UVICORN_PORT": "0", "UVICORN_HOST": "0.0.0.0"}, "0.0.0.0"),
    (
        "C command: uvicorn main:app --port 8000 --header X-Frame-Options:DENY --no-server-header "
        "--ws-max-size 1048576 --ws-ping-interval 30 --ws-per-message-deflate false",
        {"WEB_CONCURRENCY": "2"},
        "127.0.0.1 2",
    ),
    (
        "C command: granian --interface asgi main:app --host 0.0.0.0 --port 8000 --workers 1 "
        "--workers-lifetime 3600 --workers-max-rss 512 --pid-file shop.pid --process-name shop "
        "--no-access-log",
        {},
        "0.0.0.0",
    ),
    (
        "S uvicorn main:app --port 8000 --log-level debug --use-colors "
        "--h11-max-incomplete-event-size 65536 --date-header --interface asgi3",
        {},
        "127.0.0.1",
    ),
)


def words_of(line: str, environ: dict[str, str]) -> list[str]:
    """The words that such a line runs."""
    text = line[2:]
    for start in ("CMD ", "ExecStart=", "command: ", "exec ", "/usr/bin/env "):
        text = text.removeprefix(start)
    words = json.loads(text) if text.startswith("[") else shlex.split(text)
    return [re.sub(r"\$\{(\w+)\}", lambda m: environ.get(m[1], "8000"), word) for word in words]


def with_our_first_word(words: list[str]) -> list[str]:
    """`uvicorn ...` and `granian ...` become `fasterapi run ...`, `fastapi run` `fasterapi run`."""
    if words[:2] == ["python", "-m"]:
        words = words[2:]
    first, *rest = words
    name = pathlib.Path(first).name
    assert name in ("uvicorn", "granian", "fastapi")
    return [*([] if name == "fastapi" else ["run"]), *rest]


def with_a_free_port(words: list[str]) -> list[str]:
    found = list(words)
    for at, word in enumerate(words):
        if word == "--port":
            found[at + 1] = "0"
        elif word.startswith("--port="):
            found[at] = "--port=0"
    return found


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[..., LiveServer]]:
    """start(words, variables) -> the server, in a folder with FILES."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    running: list[LiveServer] = []

    def start(words: list[str], environ: dict[str, str]) -> LiveServer:
        # A unit's WorkingDirectory, a Dockerfile's WORKDIR.
        shell = ["sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path)]
        server = LiveServer([*shell, sys.executable, "-m", "fasterapi", *words], environ)
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.mark.parametrize(("line", "environ", "seen"), COMMANDS, ids=range(len(COMMANDS)))
def test_one_word_changes(
    start: Callable[..., LiveServer],
    tmp_path: pathlib.Path,
    line: str,
    environ: dict[str, str],
    seen: str,
):
    words = with_a_free_port(with_our_first_word(words_of(line, environ)))
    server = start(words, environ)
    address, *more = seen.split()
    started = server.wait_for_line(r"FasterAPI on (?:http://\[?([^\]\s]+?)\]?:(\d+)|unix:(\S+)).*")
    assert (started[1] or "unix") == address
    assert ("every address" in started[0]) is (address == "0.0.0.0")
    assert f"{2 if '2' in more else 1} worker" in started[0]
    place: Any = ("127.0.0.1", int(started[2])) if started[2] else str(tmp_path / "shop.sock")
    answers: list[dict[str, str]] = []

    def answered() -> bool:
        try:
            answer = exchange(place, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        except (OSError, WireError):
            return False
        answers.append(json.loads(answer.body))
        return answer.status == 200

    wait_until(answered, "an answer")
    assert answers[0]["greeting"] == ("hello" if "hello" in more else None)
    if "--pid-file" in words:
        assert (tmp_path / "shop.pid").read_text() == f"{server.pid}\n"
    assert server.stop() == 0
    assert not (tmp_path / "shop.pid").exists()
    assert not (tmp_path / "shop.sock").exists()


PROGRAM = """
import sys
from pathlib import Path

import fasterapi

if __name__ == "__main__":
    fasterapi.run({app}, port=0, {keywords})
"""


@pytest.mark.parametrize(
    ("app", "keywords"),
    [
        ('"main:app"', "reload=True, reload_delay=0.1"),
        ('"main:app"', "workers=2, access_log=True, timeout_graceful_shutdown=5"),
        ("__import__('main').app", "timeout_keep_alive=5, log_config=None, log_level=20"),
        ("__import__('main').create_app", "factory=True, http='h11', ws='none', ssl_keyfile=None"),
        ("'shop.api:app'", "app_dir='src', headers=[('x-a', 'b')], env_file='.env'"),
    ],
    ids=["reload", "workers", "keywords", "factory", "place"],
)
def test_a_program_that_called_uvicorns_run(
    start: Callable[..., LiveServer], tmp_path: pathlib.Path, app: str, keywords: str
):
    (tmp_path / "program.py").write_text(PROGRAM.format(app=app, keywords=keywords))
    server = LiveServer(
        ["sh", "-c", 'cd "$0" && exec "$@"', str(tmp_path), sys.executable, "program.py"],
        {"PYTHONPATH": str(tmp_path)},
    )
    try:
        server.learn_address()
        assert server.address[0] == "127.0.0.1"
        answer = exchange(server.address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.status == 200
        if "headers" in keywords:
            assert answer.header(b"x-a") == b"b"
            assert json.loads(answer.body)["greeting"] == "hello"
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["--env-file", "no.env"], {}, ["env_file", "no.env"]),
        (["--log-config", "no.json"], {}, ["log_config", "no.json"]),
        (["--forwarded-allow-ips", "localhost"], {}, ["forwarded_allow_ips", "localhost"]),
        (["--ssl-keyfile", "k.pem"], {}, ["--ssl-keyfile", "proxy"]),
        (["--header", "x"], {}, ["header", "'x'", "NAME:VALUE"]),
        (["--uds-permissions", "rw"], {}, ["uds_permissions", "'rw'", "660"]),
        (["--pid-file", "no/x.pid"], {}, ["pid_file", "no/x.pid"]),
        (["--reload-delay", "-1"], {}, ["reload_delay", "-1", "0 to 3600"]),
        (["--loop", "main:nothing"], {}, ["main:nothing"]),
        (["--backpressure", "5"], {}, ["--backpressure", "--limit-concurrency"]),
        ([], {"FASTERAPI_PROT": "80"}, ["FASTERAPI_PROT", "FASTERAPI_PORT"]),
        ([], {"WEB_CONCURRENCY": "many"}, ["WEB_CONCURRENCY", "'many'"]),
        ([], {"UVICORN_SSL_CERTFILE": "c.pem"}, ["UVICORN_SSL_CERTFILE", "proxy"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_values_are_one_line(arguments: list[str], environ: dict[str, str], words: list[str]):
    target = "fasterapi.testruntime:TestRuntime"  # a module with anything that can be called
    done = run_to_exit("run", target, "--port", "0", *arguments, **environ)
    assert done.returncode in (2, 3), done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.stderr.splitlines()[-1] == line
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in line


def test_a_pid_file_names_the_parent_of_the_workers(
    start: Callable[..., LiveServer], tmp_path: pathlib.Path
):
    file = tmp_path / "shop.pid"
    words = ["run", "main:app", "--port", "0", "--workers", "2", "--pid-file", str(file)]
    server = start([*words, "--process-name", "shop"], {})
    server.learn_address()
    assert file.read_text() == f"{server.pid}\n"
    other = start(["run", "main:app", "--port", "0", "--pid-file", str(file)], {})
    assert other.wait() == 3
    assert f"is of process {server.pid}, which runs" in other.output
    names = {read_name(pid) for pid in (server.pid, *server.children())}
    assert {name.partition(" ")[0] for name in names} == {"shop"}
    server.signal(signal.SIGTERM)
    assert server.wait_for_end() == 0
    assert not file.exists()


def read_name(pid: int) -> str:
    """What lists show: the command line, of which setproctitle makes a name, or the short name."""
    line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0").decode()
    return line if line.startswith("shop") else pathlib.Path(f"/proc/{pid}/comm").read_text()


def test_the_socket_mode_is_given(start: Callable[..., LiveServer], tmp_path: pathlib.Path):
    for count, variables, says in (
        ("1", {}, "FasterAPI on unix:"),
        ("2", {}, "FasterAPI on unix:"),
        ("1", {"FASTERAPI_NO_CORE": "1"}, "Uvicorn running on unix"),
        ("2", {"FASTERAPI_NO_CORE": "1"}, "Started parent process"),
    ):
        path = tmp_path / f"s{count}{len(variables)}"
        words = ["run", "main:app", "--uds", str(path), "--uds-permissions", "640"]
        start([*words, "--workers", count], variables).wait_for_line(says)
        assert oct(path.stat().st_mode & 0o777) == "0o640"


def test_the_same_without_the_core(start: Callable[..., LiveServer]):
    for words in (
        ["dev", "main.py", "--port", "0"],
        ["run", "main:app", "--port", "0", "--header", "x-a:b", "--ws", "none"],
    ):
        server = start(words, {"FASTERAPI_NO_CORE": "1"})
        found = server.wait_for_line(r"Uvicorn running on http://([\d.]+):(\d+)")
        answer = exchange((found[1], int(found[2])), b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        assert answer.status == 200
        assert answer.header(b"x-a") == (b"b" if "x-a:b" in words else None)
        assert server.stop() == 0


def test_version_is_what_the_command_says():
    for arguments in (["--version"], ["run", "--version"], ["dev", "--version"]):
        done = run_to_exit(*arguments)
        assert done.returncode == 0
        assert done.stdout.startswith("FasterAPI ")
    assert os.linesep in done.stdout
