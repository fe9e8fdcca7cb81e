"""Start, several workers, stop: as an operator sees them."""

import json
import os
import pathlib
import signal
import socket
import tempfile
import threading

import pytest
from live_server import APPS, DEADLINE, LiveServer, run_to_exit, start_fasterapi, wait_until
from wire import Connection, WireError, exchange

ALICE = b'{"id":1,"name":"Alice"}'
SERVER_APP = str(APPS / "server_app.py")


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


def write(folder: str, name: str, text: str) -> str:
    path = pathlib.Path(folder) / name
    path.write_text(text)
    return str(path)


# -- start -----------------------------------------------------------------------------------------


def test_start_line_says_address_workers_and_routes(server: LiveServer):
    line = server.wait_for_line("http://").string
    assert "127.0.0.1" in line
    assert "1 worker" in line
    assert "compiled" in line


PATCHING = """
import fastapi.routing
from fasterapi import FasterAPI

app = FasterAPI()
original = fastapi.routing.run_endpoint_function

async def watched(**options):
    await original(**options)
    return "watched"

@app.get("/x")
def read() -> str:
    return "plain"

@app.get("/patch")
def patch() -> None:
    fastapi.routing.run_endpoint_function = watched
"""


def test_a_patch_is_seen_though_every_request_is_compiled(tmp_path: pathlib.Path):
    server = start_fasterapi(write(str(tmp_path), "patching.py", PATCHING))
    try:
        with Connection(server.address) as connection:

            def answer(path: str) -> bytes:
                connection.send(get(path))
                return connection.read_response().body

            assert answer("/x") == b'"plain"'
            assert answer("/patch") == b"null"
            wait_until(lambda: answer("/x") == b'"watched"', "the patch to be seen")
    finally:
        server.stop()


def test_used_port_gives_exit_code_3_and_names_the_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for workers in ("1", "2"):
            done = run_to_exit("run", SERVER_APP, "--port", str(port), "--workers", workers)
            assert done.returncode == 3
            assert str(port) in done.stderr
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--queue-sise", "5"), 2, ("queue-sise", "queue-size")),
        (("--queue-size", "1"), 3, ("queue_size", "2")),
        (("--queue-size", "2000000"), 3, ("queue_size", "1048576")),
        (("--header-timeout", "0"), 3, ("header_timeout", "0.1")),
        (("--port", "70000"), 3, ("port", "65535")),
        (("--workers", "0"), 3, ("workers",)),
        (("--forwarded-allow-ips", "10.0.0.1/8"), 3, ("forwarded_allow_ips", "10.0.0.1/8", "unix")),
        (("--host", "256.1.1.1"), 3, ("256.1.1.1",)),
    ],
)
def test_wrong_option_is_one_clear_line(
    arguments: tuple[str, ...], code: int, words: tuple[str, ...]
):
    done = run_to_exit("run", SERVER_APP, *arguments)
    assert done.returncode in (2, 3) if code == 3 else done.returncode == code
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr.replace("-", "_") or word in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", ("app",)),
        ("import nothing_of_that_name\n", ("nothing_of_that_name", "Traceback")),
        ("app = FastAPI(\n", ("SyntaxError",)),
        ("1 / 0\n", ("ZeroDivisionError", "Traceback")),
    ],
)
def test_app_that_cannot_be_loaded(text: str, words: tuple[str, ...]):
    with tempfile.TemporaryDirectory() as folder:
        done = run_to_exit("run", write(folder, "broken_app.py", text), "--port", "0")
    assert done.returncode == 3
    for word in words:
        assert word in done.stderr


def test_missing_file_and_no_file():
    done = run_to_exit("run", "/nowhere/app.py")
    assert done.returncode == 3
    assert "/nowhere/app.py" in done.stderr
    done = run_to_exit("run")
    assert done.returncode == 3
    assert "main.py" in done.stderr


def test_failing_lifespan_gives_exit_code_3():
    done = run_to_exit("run", str(APPS / "asgi_app.py"), "--port", "0", LIFESPAN_FAILS="1")
    assert done.returncode == 3
    assert "database is not there" in done.stderr


def test_without_the_core_it_says_so():
    server = start_fasterapi("server_app.py", FASTERAPI_NO_CORE="1")
    try:
        server.wait_for_line("(?i)without.*core")
        assert exchange(server.address, get("/")).body == ALICE
    finally:
        server.stop()


def test_unix_socket():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        server = start_fasterapi("server_app.py", "--uds", path)
        try:
            assert exchange(path, get("/")).body == ALICE
            assert exchange(path, get("/def")).body == ALICE
            assert exchange(path, get("/state")).status == 200
        finally:
            assert server.stop() == 0
        assert not pathlib.Path(path).exists()


def test_version_config_explain():
    done = run_to_exit("version")
    assert done.returncode == 0
    assert "C core" in done.stdout
    done = run_to_exit("config")
    assert done.returncode == 0
    assert "queue_size" in done.stdout
    done = run_to_exit("explain", "--json", SERVER_APP)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    tiers = {route["path"]: route["tier"] for route in report["routes"]}
    assert tiers["/"] == tiers["/def"] == tiers["/items"] == "compiled"
    assert tiers["/length"] == "compiled"
    assert tiers["/docs"] == "fastapi"
    assert all({"path", "methods", "name", "tier", "reasons"} <= set(r) for r in report["routes"])
    assert all({"code", "text"} == set(reason) for r in report["routes"] for reason in r["reasons"])


def test_environment_variables_set_options():
    done = run_to_exit("run", SERVER_APP, "--port", "0", FASTERAPI_QUEUE_SIZE="1")
    assert done.returncode in (2, 3)
    assert "queue_size" in done.stderr.lower()


# -- stop ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["async", "def", "stream"])
def test_request_in_flight_is_finished_before_the_end(
    number: int, kind: str, tmp_path: pathlib.Path
):
    server = start_fasterapi("server_app.py")
    try:
        started, finish = tmp_path / "started", tmp_path / "finish"
        with Connection(server.address) as busy, Connection(server.address) as idle:
            idle.send(get("/"))
            assert idle.read_response().status == 200
            busy.send(get(f"/until-file/{kind}?folder={tmp_path}"))
            wait_until(started.exists, "the handler to start")
            server.signal(number)
            assert idle.closed_by_peer()
            wait_until(lambda: not _accepts(server), "the port to be closed")
            assert server.process.poll() is None
            finish.touch()
            response = busy.read_response()
            assert response.status == 200
            assert response.body.removeprefix(b"more " * response.body.count(b"more ")) in (
                b'"finished"',
                b"finished",
            )
            if kind != "stream":
                assert response.header(b"connection") == b"close"
            assert busy.closed_by_peer()
        assert server.wait() == (0 if number == signal.SIGINT else -number)
        assert "lifespan: shutdown" in server.output
    finally:
        server.stop()


def _accepts(server: LiveServer) -> bool:
    try:
        socket.create_connection(server.address, 5).close()
    except (ConnectionRefusedError, ConnectionResetError):
        # Reset: it came in the moment between the last accept and the close.
        return False
    return True


def test_a_request_that_never_ends_is_cut_after_graceful_timeout(tmp_path: pathlib.Path):
    server = start_fasterapi("server_app.py", "--graceful-timeout", "0.2")
    try:
        with Connection(server.address) as busy:
            busy.send(get(f"/until-file/async?folder={tmp_path}"))
            wait_until((tmp_path / "started").exists, "the handler to start")
            server.signal(signal.SIGTERM)
            server.wait()
    finally:
        server.stop()


# -- several workers -------------------------------------------------------------------------------


def worker_pids(server: LiveServer, wanted: int = 2) -> set[int]:
    """Ask until `wanted` different processes have answered."""
    pids: set[int] = set()

    def ask() -> bool:
        try:
            pids.add(int(exchange(server.address, get("/pid")).body))
        except (OSError, WireError):
            pass  # A worker that is just dying may drop its connections.
        return len(pids) >= wanted

    wait_until(ask, f"answers of {wanted} workers")
    return pids


def test_a_killed_worker_is_replaced():
    server = start_fasterapi("server_app.py", "--workers", "2")
    try:
        assert "2 workers" in server.wait_for_line("http://").string
        first = worker_pids(server)
        assert first <= set(server.children())
        victim = first.pop()
        (survivor,) = first
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in server.children(), "the end of the worker")
        wait_until(lambda: len(server.children()) == 2, "its replacement")
        (replacement,) = set(server.children()) - {survivor}
        pids: set[int] = set()

        def both_answer() -> bool:
            pids.add(int(exchange(server.address, get("/pid")).body))
            return pids >= {survivor, replacement}

        wait_until(both_answer, "answers of the old and the new worker")
        assert victim not in pids
    finally:
        assert server.stop() == 0, server.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_workers_stop_gracefully(number: int, tmp_path: pathlib.Path):
    server = start_fasterapi("server_app.py", "--workers", "2")
    try:
        pids = worker_pids(server)
        with Connection(server.address) as busy:
            busy.send(get(f"/until-file/async?folder={tmp_path}"))
            wait_until((tmp_path / "started").exists, "the handler to start")
            server.signal(number)
            wait_until(lambda: not _accepts(server), "the port to be closed")
            (tmp_path / "finish").touch()
            assert busy.read_response().body == b'"finished"'
        assert server.wait() == 0
        for pid in pids:
            assert not pathlib.Path(f"/proc/{pid}").exists()
        assert server.output.count("lifespan: shutdown") == 2
    finally:
        server.stop()


def test_workers_end_when_their_parent_is_killed():
    server = start_fasterapi("server_app.py", "--workers", "2")
    try:
        pids = worker_pids(server)
        server.signal(signal.SIGKILL)
        wait_until(
            lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids),
            "the orphans to end",
        )
    finally:
        server.stop()


# -- no request is lost ----------------------------------------------------------------------------

KEEP_ALIVE_CLIENTS = 32
ECHO_APP = """
from fasterapi import FasterAPI
app = FasterAPI()
@app.get("/async/{text}")
async def echo(text: str): return {"text": text}
@app.get("/def/{text}")
def echo_def(text: str): return {"text": text}
@app.get("/app/{text:path}")
async def echo_path(text: str): return {"text": text}
"""


class Client(Connection):
    """A connection that leaves nothing behind when nobody takes it."""

    def __init__(self, address: tuple[str, int]) -> None:
        try:
            super().__init__(address)
        except OSError:
            self.close()
            raise


class Asker(threading.Thread):
    """A keep-alive client that asks with a new id each time and checks that the same one returns.

    Lost: a request that was sent in full and got no complete answer, although nothing had
    announced the end of its connection. `may_end`: a refused connection is the end of the server.
    """

    def __init__(self, server: LiveServer, number: int, path: str) -> None:
        super().__init__(daemon=True)
        self.server, self.number, self.path = server, number, path
        self.answered = 0
        self.lost: list[str] = []
        self.announced = 0
        self.may_end = False
        self.enough = False

    def run(self) -> None:
        try:
            while not self.enough:
                try:
                    connection = Client(self.server.address)
                except ConnectionRefusedError:
                    if not self.may_end:
                        self.lost.append("refused")
                    return
                with connection:
                    self._use(connection)
        except Exception as exc:
            self.lost.append(f"{self.number}: {exc!r}")

    def _use(self, connection: Connection) -> None:
        while not self.enough:
            text = f"{self.number}-{self.answered}"
            try:
                connection.send(get(self.path + text))
                response = connection.read_response()
            except (OSError, WireError) as exc:
                self.lost.append(f"{text}: {exc!r}")
                return
            if response.status != 200 or json.loads(response.body)["text"] != text:
                self.lost.append(f"{text}: {response}")
            self.answered += 1
            if response.header(b"connection") == b"close":
                self.announced += 1
                return


def ask_all_the_time(server: LiveServer) -> list[Asker]:
    """Clients that are all being answered when this returns."""
    paths = ("/async/", "/def/", "/app/")
    askers = [Asker(server, i, paths[i % 3]) for i in range(KEEP_ALIVE_CLIENTS)]
    for asker in askers:
        asker.start()
    for asker in askers:
        wait_until(lambda asker=asker: asker.answered > 0 or asker.lost, "its first answer")
    return askers


def test_rolling_restarts_lose_no_request(tmp_path: pathlib.Path):
    app = write(str(tmp_path), "echo_app.py", ECHO_APP)
    server = start_fasterapi(app, "--workers", "2")
    try:
        askers = ask_all_the_time(server)
        for _ in range(3):
            old = set(server.children())
            server.signal(signal.SIGHUP)
            wait_until(
                lambda old=old: (
                    len(server.children()) == 2 and not old.intersection(server.children())
                ),
                "two new workers",
            )
            before = [asker.answered for asker in askers]
            for asker, count in zip(askers, before, strict=True):
                wait_until(
                    lambda asker=asker, count=count: asker.answered > count or asker.lost,
                    "an answer of the new workers",
                )
        for asker in askers:
            asker.enough = True
        for asker in askers:
            asker.join(DEADLINE)
        assert [text for asker in askers for text in asker.lost] == []
        assert sum(asker.announced for asker in askers) >= KEEP_ALIVE_CLIENTS
    finally:
        assert server.stop() == 0, server.output


def test_a_stop_loses_no_request(tmp_path: pathlib.Path):
    app = write(str(tmp_path), "echo_app.py", ECHO_APP)
    for _ in range(5):
        server = start_fasterapi(app)
        try:
            askers = ask_all_the_time(server)
            for asker in askers:
                asker.may_end = True
            server.signal(signal.SIGTERM)
            for asker in askers:
                asker.join(DEADLINE)
            assert [text for asker in askers for text in asker.lost] == []
            assert [asker.announced > 0 for asker in askers] == [True] * KEEP_ALIVE_CLIENTS
            assert server.wait_for_end() == 0, server.output
        finally:
            server.stop()
