"""The system fails: one call in a hundred of the core's, and the wall clock jumps.

One in a hundred of malloc, recv, send, sendmsg, sendfile, accept4, epoll_ctl, epoll_wait and the
eventfds' read and write (support/faults.c). What is promised: no crash, no wrong answer, nobody
waits for ever, no more errors than calls that failed, and nothing is lost for good.
"""

import email.utils
import os
import pathlib
import random
import threading
import time
from collections.abc import Iterator

import pytest
from faults import Faults
from live_server import LiveServer, start_fasterapi, wait_until
from wire import Connection, WireError

SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
REQUESTS = 100_000
THREADS = 8
DEPTH = 16  # requests sent at once
FILE = random.Random(1).randbytes(300_000)

pytestmark = pytest.mark.skipif(SANITIZED, reason="two preloaded libraries that take over malloc")


@pytest.fixture
def faults(tmp_path: pathlib.Path) -> Iterator[Faults]:
    faults = Faults(tmp_path)
    yield faults
    faults.close()


def descriptors(server: LiveServer) -> int:
    """Of it and of its workers."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (server.pid, *server.children()))


class Client:
    """Asks for numbers and checks them, over one connection until that breaks."""

    def __init__(self, server: LiveServer, file: pathlib.Path, seed: int) -> None:
        self.server, self.file, self.random = server, file, random.Random(seed)
        self.answered = self.errors = self.next = 0
        self.wrong: list[str] = []

    def question(self) -> tuple[bytes, bytes]:
        """A request and the body of its answer."""
        self.next += 1
        road = self.random.choice(("async", "def", "handed", "async", "def", "length", "file"))
        if road == "length":
            body = b"x" * self.random.choice((1, 20_000, 200_000))
            return (
                b"POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            ), b"%d" % len(body)
        if road == "file" and self.random.random() < 0.9:
            road = "async"
        if road == "file":
            return b"GET /file?path=%b HTTP/1.1\r\nHost: h\r\n\r\n" % bytes(self.file), FILE
        head = b"GET /%b/%d HTTP/1.1\r\nHost: h\r\n\r\n" % (road.encode(), self.next)
        return head, b"%d" % self.next

    def converse(self, count: int) -> None:
        """On one connection. What breaks it is one error, whatever was under way."""
        questions = [self.question() for _ in range(count)]
        answered = 0
        try:
            with Connection(self.server.address) as connection:
                for at in range(0, count, DEPTH):
                    batch = questions[at : at + DEPTH]
                    connection.send(b"".join(request for request, _ in batch))
                    for _, expected in batch:
                        response = connection.read_response()
                        answered += 1
                        if response.status in (500, 503):
                            self.errors += 1
                        elif (response.status, response.body) != (200, expected):
                            self.wrong.append(f"{response.status} {response.body[:100]!r}")
        except (WireError, ConnectionError):
            self.errors += 1
        self.answered += answered

    def run(self, count: int) -> None:
        try:
            while self.answered < count and not self.wrong:
                self.converse(100)
        except TimeoutError:
            self.wrong.append("nothing came")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_calls_that_fail(workers: str, faults: Faults, tmp_path: pathlib.Path):
    file = tmp_path / "file"
    file.write_bytes(FILE)
    server = start_fasterapi("attack_app.py", "--workers", workers, **faults.environment)
    try:
        for client in (warm := [Client(server, file, seed) for seed in range(THREADS)]):
            client.run(100)
        assert [c.errors for c in warm] == [0] * THREADS
        before, children = descriptors(server), server.children()
        faults.fail(0.01)
        clients = [Client(server, file, seed) for seed in range(THREADS)]
        share = REQUESTS // int(workers) // THREADS
        threads = [threading.Thread(target=client.run, args=(share,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        faults.fail(0)
        failed = faults.failed()
        assert [wrong for client in clients for wrong in client.wrong] == []
        assert server.process.poll() is None
        assert server.children() == children
        assert sum(client.errors for client in clients) <= sum(failed.values())
        assert all(failed.values()), failed
        after = Client(server, file, 99)
        after.converse(1000)
        assert (after.answered, after.errors, after.wrong) == (1000, 0, [])
        wait_until(lambda: descriptors(server) <= before, "the descriptors to be closed")
    finally:
        code = server.stop()
    assert code == 0, server.output


def date_of(connection: Connection) -> float:
    connection.send(b"GET /async/1 HTTP/1.1\r\nHost: h\r\n\r\n")
    answer = connection.read_response()
    date = answer.header(b"date")
    assert answer.body == b"1"
    assert date is not None
    return email.utils.parsedate_to_datetime(date.decode()).timestamp()


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_clock_that_jumps(zone: str, faults: Faults):
    """Timers are monotonic: nobody is cut early or late. Date follows, and knows no summer time."""
    waits = ["--header-timeout", "0.3", "--keep-alive-timeout", "300"]
    server = start_fasterapi("attack_app.py", *waits, TZ=zone, **faults.environment)
    # The second in which New York's clocks go back an hour, and an hour and a day either way.
    change = 1793512800 - time.time()
    try:
        with Connection(server.address) as connection, Connection(server.address) as stalled:
            assert abs(date_of(connection) - time.time()) <= 2
            for ahead in (86400, -86400, 10 * 365 * 86400, change - 3600, change, change + 3600, 0):
                faults.move_clock(ahead)
                assert abs(date_of(connection) - (time.time() + ahead)) <= 2
                with Connection(server.address) as late:
                    late.send(b"GET /async/1 HTTP/1.1\r\nHo")
                    assert late.read_head().status == 408
            assert stalled.closed_by_peer()
    finally:
        code = server.stop()
    assert code == 0, server.output
