"""A program with servers in it, for test_embedder.py: one function a case, named on the command
line. What must hold is that it comes to its end, and with exit status 0."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from fasterapi import FasterAPI, _native
from fasterapi.server import Server, Settings

core: Any = _native.core

DEADLINE = 30.0
GET = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n"

entered = threading.Event()
leave = threading.Event()
app = FasterAPI()


@app.get("/held")
def held() -> dict[str, int]:
    entered.set()
    leave.wait(DEADLINE)
    return {"a": 1}


@app.get("/def")
def plain() -> dict[str, list[int]]:
    return {"a": list(range(50))}


@app.get("/async")
async def waits() -> int:
    await asyncio.sleep(0.001)
    return 2


def started(daemon: bool = False) -> tuple[Server, threading.Thread]:
    """A server of `app` in a thread of its own."""
    server = Server(
        app, Settings(port=0, announce=False, lifespan="off", options={"graceful_timeout": 0.0})
    )
    up = threading.Event()
    server.on_started = lambda _: up.set()
    thread = threading.Thread(target=server.run, daemon=daemon)
    thread.start()
    assert up.wait(DEADLINE)
    return server, thread


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)


def ask(port: int, path: bytes) -> socket.socket:
    client = connect(port)
    client.sendall(GET % path)
    return client


def is_cut(client: socket.socket) -> bool:
    try:
        return client.recv(100) == b""
    except ConnectionResetError:
        return True


def threads_alive() -> int:
    return len(os.listdir("/proc/self/task"))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def driven() -> tuple[Any, asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    server = core.Server({"worker_threads": 2})
    server.start(loop, lambda stream: None, True)
    return server, loop


def in_threads(count: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# -- cases -----------------------------------------------------------------------------------------


def dropped_while_a_handler_runs() -> None:
    """The handler's thread comes back to a server that nobody else has."""
    before = threads_alive()
    server, thread = started()
    client = ask(server.port, b"/held")
    assert entered.wait(DEADLINE)
    server.stop()
    thread.join()
    assert not server.clean
    del server, thread
    gc.collect()
    filler = [b"\xdd" * size for size in range(64, 2048, 8) for _ in range(50)]
    leave.set()
    wait_until(lambda: threads_alive() <= before)
    del filler
    client.close()


def dropped_while_it_runs() -> None:
    """No stop() at all: the last reference goes, with requests under way."""
    for _ in range(5):
        loop = asyncio.new_event_loop()
        server = core.Server({"worker_threads": 2})
        port = server.listen_tcp("127.0.0.1", 0, False)
        server.start(loop, lambda stream: None)
        client = ask(port, b"/")
        server.run_batch()
        del server
        gc.collect()
        assert is_cut(client)
        client.close()
        loop.close()


def dropped_in_a_cycle() -> None:
    """The garbage collector finds a server that runs, and clears what its threads use."""
    loop = asyncio.new_event_loop()
    for _ in range(5):
        server = core.Server({"worker_threads": 2})
        ring: list[Any] = [server]

        def asgi(stream: Any, ring: list[Any] = ring) -> None:
            ring.append(stream)

        port = server.listen_tcp("127.0.0.1", 0, False)
        server.start(loop, asgi)
        clients = [ask(port, b"/") for _ in range(3)]
        wait_until(lambda ring=ring, server=server: server.run_batch() or len(ring) > 3)
        del server, ring, asgi
        gc.collect()
        for client in clients:
            client.close()
    loop.close()


def stopped_by_many_threads() -> None:
    server, thread = started()
    client = ask(server.port, b"/async")
    assert client.recv(1000)
    in_threads(8, lambda: server.core_server is None or server.core_server.stop(0.0))
    in_threads(8, server.stop)
    thread.join()
    client.close()


def stopped_by_a_handler() -> None:
    loop = asyncio.new_event_loop()
    server = core.Server({"worker_threads": 2})
    port = server.listen_tcp("127.0.0.1", 0, False)
    done = threading.Event()

    def asgi(stream: Any) -> None:
        server.stop(0.0)
        stream.start(200, [])
        stream.write(b"x", False)
        done.set()

    server.start(loop, asgi)
    client = ask(port, b"/")
    wait_until(lambda: server.run_batch() or done.is_set())
    assert is_cut(client)
    client.close()


def started_by_many_threads() -> None:
    for _ in range(5):
        loop = asyncio.new_event_loop()
        server = core.Server({"worker_threads": 2})
        outcomes: list[str] = []

        def start(server: Any = server, loop: Any = loop, outcomes: list[str] = outcomes) -> None:
            try:
                server.start(loop, lambda stream: None, True)
                outcomes.append("started")
            except RuntimeError:
                outcomes.append("refused")

        in_threads(6, start)
        assert sorted(outcomes) == ["refused"] * 5 + ["started"]
        assert server.stop(0.0)


def started_with_junk() -> None:
    server = core.Server({"worker_threads": 2})
    for _ in range(20):
        try:
            server.start(object(), lambda stream: None, True)
        except AttributeError:
            continue
        raise AssertionError("an object is no event loop")
    loop = asyncio.new_event_loop()
    server.start(loop, lambda stream: None, True)
    assert server.stop(0.0)


def peers_outlive_their_server() -> None:
    """One after the other: the server must forget each of them in time."""
    for stop in (True, False):
        server, _ = driven()
        peers = [server.open_peer() for _ in range(4)]
        for peer in peers:
            peer.send(GET % b"/")
        server.turn()
        if stop:
            server.stop(0.0)
        first = peers.pop()
        del first
        gc.collect()
        filler = [b"\xdd" * size for size in range(64, 512, 8) for _ in range(50)]
        del server
        peers[0].close()
        peers[0].take()
        del peers
        gc.collect()
        del filler


def driven_by_many_threads() -> None:
    server, _ = driven()
    peers = [server.open_peer() for _ in range(4)]
    for peer in peers:
        peer.send(GET % b"/")
    refused: list[str] = []

    def turn() -> None:
        for _ in range(300):
            try:
                server.turn()
                server.open_peer().close()
            except RuntimeError as exc:
                refused.append(str(exc))

    in_threads(4, turn)
    assert set(refused) <= {"another thread drives this server"}
    in_threads(2, lambda: server.stop(0.0))


def stopped_while_it_is_driven() -> None:
    """load() has a request that nobody answers, and comes back from it at once."""
    server, _ = driven()
    outcome: list[BaseException] = []

    def load() -> None:
        try:
            server.load(GET % b"/", 5, 1, DEADLINE)
        except Exception as exc:
            outcome.append(exc)

    thread = threading.Thread(target=load)
    thread.start()
    wait_until(lambda: server.stats()["requests"] > 0)
    assert server.stop(0.0)
    thread.join()
    assert [type(exc) for exc in outcome] == [ConnectionError]


def exit_under_load() -> None:
    """The main thread ends, and the server's are daemons in the middle of requests."""
    server, _ = started(daemon=True)
    busy = threading.Event()

    def load() -> None:
        clients = [connect(server.port) for _ in range(10)]
        while True:
            for client in clients:
                client.sendall(GET % b"/def" + GET % b"/async")
            for client in clients:
                client.recv(100000)
            busy.set()

    threading.Thread(target=load, daemon=True).start()
    assert busy.wait(DEADLINE)


def exit_while_a_handler_runs() -> None:
    server, _ = started(daemon=True)
    ask(server.port, b"/held").detach()
    assert entered.wait(DEADLINE)


def exit_of_a_forked_child() -> None:
    """The child has the objects, but none of the threads."""
    server, thread = started()
    assert ask(server.port, b"/async").recv(1000)
    child = os.fork()
    if child == 0:
        held_server = server.core_server
        assert held_server.stop(5.0)
        del held_server, server
        gc.collect()
        return
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    assert ask(server.port, b"/async").recv(1000)
    server.stop()
    thread.join()


if __name__ == "__main__":
    faulthandler.enable()
    case = globals()[sys.argv[1]]
    case()
    print("survived", flush=True)
