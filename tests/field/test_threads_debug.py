"""A debugger's breakpoints in endpoints and dependencies, and a profiler outside of the process."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sysconfig
from collections.abc import Callable

import pytest
from asking import get, value
from debugger import Debugger
from field import Served
from wire import Connection

Serve = Callable[..., Served]

_APP = pathlib.Path(__file__).parent / "apps" / "threads_debug_app.py"


def line_of(function: str) -> int:
    mark = f"# break: {function}"
    lines = _APP.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(mark))


def assert_stops(server: Served, port: int) -> None:
    """Breakpoints are hit, and the requests answered after it."""
    lines = [line_of(name) for name in ("given", "read", "wait")]
    with (
        Debugger(("127.0.0.1", port), _APP, lines) as debugger,
        Connection(server.address) as connection,
    ):
        connection.send(get("/def"))
        for function in ("given", "read"):
            thread, *place = debugger.stopped()
            assert place == [function, line_of(function)]
            assert "worker" in thread
        assert connection.read_response().body == b"2"
        connection.send(get("/async"))
        thread, *place = debugger.stopped()
        assert place == ["wait", line_of("wait")]
        assert thread == "MainThread"
        assert connection.read_response().body == b"3"
    assert value(server, "/def") == 2


@pytest.mark.kind("debugpy, attached before the first request, stops at breakpoints")
def test_a_debugger_before_the_first_request(serve: Serve):
    server = serve("threads_debug_app.py", LISTEN="at import")
    assert_stops(server, int(server.wait_for_line(r"debugger: (\d+)").group(1)))


@pytest.mark.kind("debugpy, let in from the start and attached later, stops at breakpoints")
def test_a_debugger_after_the_first_request(serve: Serve):
    server = serve("threads_debug_app.py", LISTEN="at import")
    assert [value(server, "/def"), value(server, "/async")] == [2, 3]
    assert_stops(server, int(server.wait_for_line(r"debugger: (\d+)").group(1)))


@pytest.mark.kind("debugpy, let in while the server runs, stops at breakpoints")
def test_a_debugger_let_in_later(serve: Serve):
    server = serve("threads_debug_app.py", LISTEN="later")
    assert [value(server, "/def"), value(server, "/async")] == [2, 3]
    assert_stops(server, value(server, "/listen"))


@pytest.mark.kind("py-spy shows the names of threads and their functions")
def test_py_spy(serve: Serve):
    server = serve("threads_debug_app.py", LISTEN="later")
    with Connection(server.address) as connection:
        connection.send(get("/stay"))
        assert value(server, "/begun")
        text = dump(server.pid)
        value(server, "/leave")
        assert connection.read_response().body == b"true"
    threads = re.split(r"^(?=Thread )", text, flags=re.MULTILINE)
    blocks = [block for block in threads if "stay_in_thread" in block]
    assert len(blocks) == 1, text
    assert "worker" in blocks[0].splitlines()[0]
    if server.who == "fasterapi":
        assert '"FasterAPI worker' in blocks[0]


def dump(pid: int) -> str:
    """What py-spy says of a process. Skips where the system lets nobody look into one."""
    spy = pathlib.Path(sysconfig.get_path("scripts")) / "py-spy"
    done = subprocess.run(
        [spy, "dump", "--pid", str(pid)], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode != 0 and "ermission denied" in done.stderr:
        pytest.skip(
            f"py-spy may not ptrace here ({done.stderr.strip()}): run as root, in a container with "
            "--cap-add SYS_PTRACE, or after sysctl kernel.yama.ptrace_scope=0"
        )
    assert done.returncode == 0, done.stderr
    return done.stdout
