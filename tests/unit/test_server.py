"""One serving process: its life around a fake core, addresses, and the path without a core."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import fasterapi.server
from fasterapi import _native, addresses, server
from fasterapi.log import StartupError
from fasterapi.server import Server, Settings
from fasterapi.start_line import start_line

ROOT = str(Path(fasterapi.server.__file__).parents[1])


pytestmark = pytest.mark.usefixtures("logging_as_before")


class FakeCoreServer:
    """Stands in for the core's Server: remembers calls, serves nothing."""

    made: ClassVar[list[FakeCoreServer]] = []
    connections = 0
    listen_errno = 0

    def __init__(self, options: dict[str, Any]):
        self.options = options
        self.calls: list[Any] = []
        self.events = 0
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.open = type(self).connections
        self.made.append(self)

    def trust(self, proxies: str) -> None:
        self.trusted = proxies

    def set_limit_news(self, fd: int) -> None: ...

    def share_tokens(self, total: int, passed: Any) -> None: ...

    def set_tokens(self, total: int) -> None: ...

    def listen_tcp(self, host: str, port: int, reuse_port: bool) -> int:
        if self.listen_errno:
            raise OSError(self.listen_errno, os.strerror(self.listen_errno))
        self.calls.append(("listen", host, port, reuse_port))
        return port or 12345

    def listen_uds(self, path: str) -> None:
        self.calls.append(("uds", path))
        Path(path).touch()

    def listen_fd(self, fd: int) -> None:
        self.calls.append(("fd", fd))

    def take_over(self) -> None:
        self.calls.append("take over")

    def start(self, loop: Any, callback: Any, driven: bool = False, thread: Any = None) -> None:
        self.calls.append("start")
        self.callback = callback

    def fileno(self) -> int:
        return self.fd

    def run_batch(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.fd)
            self.events += 1

    run_batch_soon = run_batch  # where a handler may run the loop again

    def drain(self) -> None:
        self.calls.append("drain")

    def pending(self) -> list[Any]:
        return []

    def busy(self) -> list[int]:
        return []

    def active(self) -> int:
        self.open = max(0, self.open - 1)
        return self.open

    def stop(self, timeout: float) -> bool:
        self.calls.append("stop")
        os.close(self.fd)
        return True

    def publish_stats(self, path: str, about: str) -> None:
        self.published = (path, about)

    def note_failure(self) -> None:
        self.calls.append("failure")

    def stats(self) -> dict[str, int]:
        return Counter(requests=7)


@pytest.fixture
def core(monkeypatch):
    """The fake core in place of the real one."""
    fake = type("Fake", (FakeCoreServer,), {"made": []})
    monkeypatch.setattr(_native, "core", SimpleNamespace(Server=fake))
    return fake


def recording_app(steps: list[str]) -> Any:
    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        await receive()
        steps.append("startup")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        steps.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})

    return app


def serve_and_stop(app: Any, *, during: Any = None, **settings: Any) -> Server:
    """Run a Server on a loop of its own and stop it as soon as it has started."""

    def started(running: Server) -> None:
        if during is not None:
            during(running)
        running.stop()

    made = Server(app, Settings(port=0, **settings), on_started=started)
    asyncio.run(asyncio.wait_for(made.serve(), 20))
    return made


async def no_lifespan(scope, receive, send):
    raise ValueError("only http")


# -- the life of a server ----------------------------------------------------------------------


def test_order_of_a_life(core, capsys):
    steps: list[str] = []

    def during(running: Server) -> None:
        assert running.port == 12345
        assert running.stats() == {"requests": 7}
        steps.append("serving")

    made = serve_and_stop(recording_app(steps), during=during)
    assert steps == ["startup", "serving", "shutdown"]
    assert core.made[0].calls == [("listen", "127.0.0.1", 0, False), "start", "drain", "stop"]
    assert made.stats() == {}
    assert capsys.readouterr().out == "FasterAPI on http://127.0.0.1:12345 (1 worker, ASGI app)\n"


def test_core_is_watched_by_the_loop(core):
    async def main() -> None:
        running = Server(no_lifespan, Settings(port=0, announce=False))
        task = asyncio.ensure_future(running.serve())
        while running.core_server is None and not task.done():
            await asyncio.sleep(0)
        assert not task.done(), task
        os.eventfd_write(running.core_server.fileno(), 1)
        while core.made[0].events == 0:
            await asyncio.sleep(0)
        running.stop()
        await asyncio.wait_for(task, 20)

    asyncio.run(main())


def test_drain_waits_for_connections(core):
    core.connections = 5
    serve_and_stop(no_lifespan, announce=False)
    assert core.made[0].open == 0


def test_graceful_timeout_ends_the_wait(core, caplog):
    core.connections = 10**9
    serve_and_stop(no_lifespan, announce=False, options={"graceful_timeout": 0.05})
    assert "Graceful timeout exceeded" in caplog.text
    assert core.made[0].calls[-1] == "stop"


def test_options_reach_the_core(core):
    serve_and_stop(no_lifespan, announce=False, options={"queue_size": 64, "simd": False})
    options = core.made[0].options
    assert options["queue_size"] == 64
    assert options["simd"] is False


@pytest.mark.parametrize(
    ("settings", "variable", "trusted"),
    [
        ({}, None, "127.0.0.1,::1"),
        ({}, "10.0.0.0/8", "10.0.0.0/8"),
        ({"forwarded_allow_ips": "unix"}, "10.0.0.0/8", "unix"),
        ({"forwarded_allow_ips": ["::1", "*"]}, None, "::1,*"),
        ({"proxy_headers": False}, "*", ""),
    ],
)
def test_which_proxies_are_trusted(
    core, monkeypatch, settings: dict[str, Any], variable: str | None, trusted: str
):
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if variable is not None:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", variable)
    serve_and_stop(no_lifespan, announce=False, **settings)
    assert core.made[0].trusted == trusted


def test_failed_startup_leaves_nothing_running(core):
    async def app(scope, receive, send):
        await send({"type": "lifespan.startup.failed", "message": ""})

    with pytest.raises(StartupError, match="startup failed"):
        serve_and_stop(app)
    assert core.made == []


def test_failed_listen_runs_the_shutdown(core):
    core.listen_errno = errno.EADDRINUSE
    steps: list[str] = []
    with pytest.raises(StartupError, match="already in use"):
        serve_and_stop(recording_app(steps))
    assert steps == ["startup", "shutdown"]


def test_cancelling_serve_stops_in_order(core):
    async def main() -> None:
        running = Server(no_lifespan, Settings(port=0, announce=False))
        task = asyncio.ensure_future(running.serve())
        while running.core_server is None and not task.done():
            await asyncio.sleep(0)
        assert not task.done(), task
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert core.made[0].calls[-2:] == ["drain", "stop"]


def run_and_signal(monkeypatch, number: int, handler: Any) -> list[int]:
    """Run a Server that gets a signal; the signals that `handler` has got afterwards."""
    got: list[int] = []
    before = signal.signal(
        number, (lambda caught, _: got.append(caught)) if handler is None else handler
    )

    def during(running: Server) -> None:
        during_it = signal.getsignal(number)
        assert during_it.__self__ is running  # type: ignore[union-attr]
        assert not running.should_exit
        os.kill(os.getpid(), number)

    made = Server(no_lifespan, Settings(port=0, announce=False), on_started=during)
    put_back = signal.getsignal(number)
    try:
        made.run()
    finally:
        assert made.should_exit
        assert signal.getsignal(number) is put_back
        signal.signal(number, before)
    return got


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_comes_again_when_handlers_are_put_back(core, monkeypatch, number):
    assert run_and_signal(monkeypatch, number, None) == [number]
    assert core.made[0].calls[-1] == "stop"


def test_sigint_is_a_keyboard_interrupt_in_the_end(core, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run_and_signal(monkeypatch, signal.SIGINT, signal.default_int_handler)
    assert core.made[0].calls[-1] == "stop"


def test_sigterm_ends_the_program_in_order_in_the_end(core, monkeypatch):
    armed: list[Any] = []
    monkeypatch.setattr(atexit, "register", armed.append)
    with pytest.raises(SystemExit) as caught:
        run_and_signal(monkeypatch, signal.SIGTERM, signal.SIG_DFL)
    assert caught.value.code == 128 + signal.SIGTERM
    assert core.made[0].calls[-1] == "stop"
    assert len(armed) == 1


def test_a_stop_before_the_start_is_not_forgotten(core):
    made = Server(no_lifespan, Settings(port=0, announce=False))
    made.should_exit = True
    made.run()
    assert core.made[0].calls == [("listen", "127.0.0.1", 0, False), "start", "drain", "stop"]


def test_serving_in_a_thread_leaves_signals_alone(core):
    before = signal.getsignal(signal.SIGTERM)
    made = Server(
        no_lifespan, Settings(port=0, announce=False), on_started=lambda running: running.stop()
    )
    thread = threading.Thread(target=made.run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    assert signal.getsignal(signal.SIGTERM) is before


def test_end_of_the_channel_stops_a_worker(core):
    ours, theirs = socket.socketpair()

    def during(running: Server) -> None:
        assert b'"port": 12345' in ours.recv(1000)
        ours.close()

    made = Server(
        no_lifespan,
        Settings(port=0, announce=False, control_fd=theirs.fileno()),
        on_started=during,
    )
    made.run()
    theirs.close()
    assert core.made[0].calls[-1] == "stop"


def test_unix_socket_and_descriptor(core, tmp_path, capsys):
    path = str(tmp_path / "s.sock")
    serve_and_stop(no_lifespan, uds=path)
    assert core.made[0].calls[0] == ("uds", path)
    assert not os.path.exists(path)
    serve_and_stop(no_lifespan, fd=7)
    assert core.made[1].calls[0] == ("fd", 7)
    assert f"FasterAPI on unix:{path} (1 worker, ASGI app)" in capsys.readouterr().out


def test_without_core_server_says_why(monkeypatch):
    monkeypatch.setattr(_native, "core", None)
    monkeypatch.setattr(_native, "why_no_core", "FASTERAPI_NO_CORE is set")
    with pytest.raises(StartupError, match="FASTERAPI_NO_CORE"):
        asyncio.run(Server(no_lifespan, Settings()).serve())


# -- settings, addresses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"workers": 0}, "workers must be at least 1"),
        ({"port": 70000}, "between 0 and 65535"),
        ({"uds": "/tmp/x", "fd": 3}, "not both"),
        ({"host": "no such host"}, "is not known"),
        ({"host": "203.0.113.1", "port": 0}, "no address 203.0.113.1"),
        ({"port": 0, "options": {"queue_sise": 5}}, "queue_size"),
        ({"port": 0, "options": {"queue_size": 0}}, "queue_size"),
        ({"log_level": "loud", "port": 0}, "log level 'loud' is unknown"),
        ({"loop": "fast", "port": 0}, "event loop 'fast' is unknown"),
        ({"lifespan": "maybe", "port": 0}, "lifespan 'maybe' is unknown"),
    ],
)
def test_bad_settings_are_one_line_and_exit_3(core, settings, words, capsys):
    options = settings.pop("options", {})
    with pytest.raises(SystemExit) as caught:
        server.run(no_lifespan, **settings, **options)
    assert caught.value.code == 3
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert words in lines[0]


def test_taken_port_names_itself_and_the_way_out(core, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as caught:
            server.run(no_lifespan, port=port)
    assert caught.value.code == 3
    error = capsys.readouterr().err
    assert f"port {port} on 127.0.0.1 is already in use" in error
    assert "--port" in error


def test_listen_errors():
    def words(number: int, uds: str | None = None) -> str:
        return str(addresses.listen_error(OSError(number, os.strerror(number)), "h", 80, uds))

    assert "above 1023" in words(errno.EACCES)
    assert "cannot listen on h port 80" in words(errno.EIO)
    assert "Unix socket /s" in words(errno.EADDRINUSE, "/s")


def test_stale_unix_sockets_are_removed_and_live_ones_not(tmp_path):
    path = str(tmp_path / "s.sock")
    addresses.remove_stale_socket(path)
    held = addresses.listening_socket(path)
    with held, pytest.raises(StartupError, match="another process is serving it"):
        addresses.listening_socket(path)
    addresses.listening_socket(path).close()
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match="no socket"):
        addresses.listening_socket(str(tmp_path / "file"))


def test_start_line():
    facts = {"port": 8000, "compiled": 5, "routes": 7, "fasterapi": True}
    assert (
        start_line(Settings(), facts)
        == "FasterAPI on http://127.0.0.1:8000 (1 worker, 5 of 7 routes compiled)"
    )
    line = start_line(Settings(), {**facts, "words": "Fast: all."})
    assert line.endswith("(1 worker, 5 of 7 routes compiled)\nFast: all.")
    line = start_line(Settings(host="::1", workers=4), facts)
    assert line.startswith("FasterAPI on http://[::1]:8000 (4 workers, ")
    line = start_line(Settings(host="0.0.0.0"), facts)
    assert line.startswith("FasterAPI on http://0.0.0.0:8000, every address of this machine (1 ")
    line = start_line(Settings(host="::"), facts)
    assert line.startswith("FasterAPI on http://[::]:8000, every IPv6 address of this machine (1 ")
    assert "every" not in start_line(Settings(host="0.0.0.0", uds="s"), facts)


def test_several_workers_need_a_place(core, capsys):
    with pytest.raises(SystemExit) as caught:
        server.run(lambda: None, port=0, workers=2)
    assert caught.value.code == 3
    assert "--workers" in capsys.readouterr().err


# -- without the core --------------------------------------------------------------------------

HELLO = """
from fasterapi import FasterAPI
app = FasterAPI()
@app.get("/")
async def root():
    return {"hello": "world"}
"""


def command(*arguments: str, **env: str) -> Any:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "fasterapi", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ROOT, **env},
    )


def test_no_core_serves_through_uvicorn_and_says_so(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    with command("run", str(tmp_path / "hello.py"), "--port", "0", FASTERAPI_NO_CORE="1") as child:
        line = child.stdout.readline()
        assert "FASTERAPI_NO_CORE is set" in line
        assert "Uvicorn" in line
        for line in child.stderr:
            if "Uvicorn running on" in line:
                break
        address = line.split("running on ")[1].split()[0]
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert answer.read() == b'{"hello":"world"}'
        child.terminate()
        child.communicate(timeout=30)


def test_no_core_and_no_uvicorn_is_one_line(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    (tmp_path / "uvicorn.py").write_text("raise ImportError('hidden')\n")
    path = os.pathsep.join([str(tmp_path), ROOT])
    with command(
        "run", str(tmp_path / "hello.py"), "--port", "0", FASTERAPI_NO_CORE="1", PYTHONPATH=path
    ) as child:
        _, error = child.communicate(timeout=60)
        assert child.returncode == 3
    assert error.count("\n") == 1
    assert "pip install uvicorn" in error
