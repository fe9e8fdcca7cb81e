"""Measuring a request inside the process: what is counted, and what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import fasterapi
from fasterapi import FasterAPI, _native, bench, cli
from fasterapi.bench import measure, request_bytes
from fasterapi.log import StartupError
from fasterapi.server import Server, Settings

pytestmark = pytest.mark.usefixtures("logging_as_before")

ROOT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def make_app() -> FasterAPI:
    app = FasterAPI()
    calls = app.state.calls = SimpleNamespace(number=0)

    @app.get("/")
    async def root() -> dict[str, str]:
        calls.number += 1
        return {"hello": "world"}

    @app.get("/sync")
    def sync() -> dict[str, str]:
        return {"hello": "sync"}

    @app.post("/echo")
    async def echo(value: dict[str, int]) -> dict[str, int]:
        await asyncio.sleep(0)
        return value

    return app


@pytest.mark.parametrize("in_flight", [1, 8])
def test_every_request_reaches_the_handler(in_flight):
    app = make_app()
    result = measure(app, ROOT, count=300, in_flight=in_flight)
    warm_up = max(300, in_flight)
    assert app.state.calls.number == 300 + warm_up
    assert result.stats["requests"] == 300 + warm_up
    assert result.stats["responses"] == 300 + warm_up
    assert (result.status, result.different, result.in_flight) == (200, 0, in_flight)
    assert result.answer.endswith(b'\r\n\r\n{"hello":"world"}')
    assert 0 < result.p50_us <= result.p95_us <= result.p99_us <= result.max_us
    assert 0 < result.mean_us <= result.max_us
    assert result.rps > 0
    assert result.cpu_ms_per_100k > 0


@pytest.mark.parametrize(
    ("request_", "status", "end"),
    [
        (request_bytes(path="/sync"), 200, b'{"hello":"sync"}'),
        (request_bytes("POST", "/echo", body=b'{"a": 1}'), 200, b'{"a":1}'),
        (request_bytes("POST", "/echo", body=b"no"), 422, b"}]}"),
        (request_bytes(path="/nothing"), 404, b'{"detail":"Not Found"}'),
        (b"GET / HTTP/1.1\r\n\r\n", 400, b"Bad Request"),
    ],
)
def test_answers_are_those_of_the_server(request_, status, end):
    result = measure(make_app(), request_, count=20, in_flight=2)
    assert (result.status, result.different) == (status, 0)
    assert result.answer.endswith(end)


def test_nothing_is_left_open():
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    app = make_app()
    measure(app, ROOT, count=1)
    before = descriptors()
    for _ in range(5):
        measure(app, ROOT, count=1)
    assert descriptors() == before


def test_any_asgi_app():
    async def app(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"raw"})

    assert b"raw" in measure(app, ROOT, count=10).answer


def test_options_reach_the_core():
    result = measure(make_app(), ROOT, count=10, options={"server_header": False})
    assert b"server:" not in result.answer
    with pytest.raises(StartupError, match="queue_size"):
        measure(make_app(), ROOT, count=10, options={"queue_size": 1})


def test_a_failed_start_is_raised():
    @contextlib.asynccontextmanager
    async def lifespan(_app: FasterAPI) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    app = FasterAPI(lifespan=lifespan)

    with pytest.raises(StartupError):
        measure(app, ROOT, count=10)


def test_without_the_core(monkeypatch):
    monkeypatch.setattr(_native, "core", None)
    monkeypatch.setattr(_native, "why_no_core", "not built")
    with pytest.raises(StartupError, match="not built"):
        measure(make_app(), ROOT)


def test_no_answer_in_time():
    app = FasterAPI()

    @app.get("/")
    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        measure(app, ROOT, count=1, in_flight=1, timeout=0.01, options={"graceful_timeout": 0})


def test_request_bytes():
    assert request_bytes() == b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert request_bytes("POST", "/x", [("host", "b"), ("A", "1")], b"hi") == (
        b"POST /x HTTP/1.1\r\nhost: b\r\nA: 1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\nhi"
    )
    for bad in ({"path": "/\r\nA: b"}, {"method": "G\n"}, {"headers": [("A", "b\r\nC: d")]}):
        with pytest.raises(ValueError, match="line break"):
            request_bytes(**bad)


# -- Server.load itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((b"", 1), ValueError),
        ((ROOT, 0), ValueError),
        ((ROOT, 2**63), OverflowError),
        ((ROOT, 1, 0), ValueError),
        ((ROOT, 1, 65537), ValueError),
        ((ROOT, 1, 1, 0.0), ValueError),
        ((ROOT, 1, 1, float("nan")), ValueError),
        (("text", 1), TypeError),
        ((ROOT,), TypeError),
    ],
)
def test_wrong_use_of_load(arguments, error):
    async def main() -> None:
        server = Server(make_app(), Settings(driven=True, lifespan="off"))
        serving = asyncio.create_task(server.serve())
        while server.core_server is None:
            await asyncio.sleep(0)
        with pytest.raises(error):
            server.core_server.load(*arguments)
        server.stop()
        await serving

    asyncio.run(main())


def test_load_needs_a_driven_server():
    server = _native.core.Server({})
    with pytest.raises(RuntimeError, match="driven"):
        server.load(ROOT, 1)


def test_a_stop_ends_load_and_two_do_not_overlap():
    entered = threading.Event()
    app = FasterAPI()

    @app.get("/")
    async def wait() -> None:
        entered.set()
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        server = Server(app, Settings(driven=True, lifespan="off"))
        serving = asyncio.create_task(server.serve())
        while server.core_server is None:
            await asyncio.sleep(0)
        core_server = server.core_server
        load = asyncio.create_task(asyncio.to_thread(core_server.load, ROOT, 1))
        await asyncio.to_thread(entered.wait)
        with pytest.raises(RuntimeError, match="another thread"):
            core_server.load(ROOT, 1)
        server.stop()
        await serving
        with pytest.raises(ConnectionError):
            await load

    asyncio.run(main())


def test_ctrl_c_ends_a_measurement(tmp_path):
    program = tmp_path / "endless.py"
    program.write_text(
        "import asyncio\n"
        "from fasterapi import FasterAPI\n"
        "from fasterapi.bench import measure, request_bytes\n"
        "app = FasterAPI()\n"
        '@app.get("/")\n'
        "async def wait():\n"
        '    print("in it", flush=True)\n'
        "    await asyncio.get_running_loop().create_future()\n"
        "measure(app, request_bytes(), timeout=600)\n"
    )
    root = str(Path(fasterapi.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "in it\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture
def app_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "from fasterapi import FasterAPI\n"
        "app = FasterAPI()\n"
        '@app.get("/")\n'
        "async def root():\n"
        '    return {"hello": "world"}\n'
    )
    (tmp_path / "bench_me.py").write_text(text)
    return "bench_me.py"


def run_cli(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    return caught.value.code


def test_command(app_file, capsys):
    assert run_cli("bench", app_file, "--requests", "50", "--in-flight", "4", "--json") == 0
    runs = json.loads(capsys.readouterr().out)
    assert [run["in_flight"] for run in runs] == [1, 4]
    assert all(run["status"] == 200 and run["different"] == 0 for run in runs)
    assert all(run["mean_us"] > 0 and "answer" not in run for run in runs)
    assert run_cli("bench", app_file, "--requests", "50", "--header", "X-A: b") == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["at", "a", "time"]
    assert [line.split()[:2] for line in lines] == [["1", "200"], ["64", "200"]]


def test_command_refuses(app_file, capsys):
    assert run_cli("bench", app_file, "--header", "no colon") == 3
    assert "Name: value" in capsys.readouterr().err
    assert run_cli("bench", app_file, "--path", "/a\nb") == 3
    assert "line break" in capsys.readouterr().err


def test_table_shows_other_answers():
    result = measure(make_app(), ROOT, count=10)
    changed = dataclasses.replace(result, different=3)
    assert "200 (3 other)" in bench.format_table([changed])
