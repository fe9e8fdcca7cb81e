"""A worker's end of the channel to its parent."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

from fasterapi.channel import LAST, LEAVING, PING, PONG, Channel


class Core:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def accept_from(self, listeners: int) -> None:
        self.calls.append(listeners)

    def take_over(self) -> None:
        self.calls.append(LAST)


class Server:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.core_server: Core | None = Core()
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        self.stopped.set()


def run(main: Any) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asyncio.run(main(ours, Channel(theirs.fileno())))


def test_what_the_parent_says_reaches_the_core_and_its_end_stops():
    async def main(parent: socket.socket, channel: Channel) -> None:
        server = Server()
        with channel.watched(server):  # type: ignore[arg-type]
            parent.sendall(b"3\n1")
            await asyncio.sleep(0)
            parent.sendall(b'\n"last"\n')
            parent.shutdown(socket.SHUT_WR)
            await server.stopped.wait()
        assert server.core_server is not None
        assert server.core_server.calls == [3, 1, LAST, LAST]

    run(main)


def test_a_stop_hears_what_was_said_before_and_tells():
    async def main(parent: socket.socket, channel: Channel) -> None:
        server = Server()
        with channel.watched(server):  # type: ignore[arg-type]
            channel.say({"port": 1})
            parent.sendall(b"0\n")
            channel.begin_stop()
            assert server.core_server is not None
            assert server.core_server.calls == [0]
            channel.begin_stop()
        assert [json.loads(line) for line in parent.recv(1000).splitlines()] == [
            {"port": 1},
            LEAVING,
            LEAVING,
        ]

    run(main)


def test_a_lost_parent_and_none_are_no_errors():
    async def main(parent: socket.socket, channel: Channel) -> None:
        server = Server()
        server.core_server = None
        with channel.watched(server):  # type: ignore[arg-type]
            parent.sendall(b"1\n")
            parent.close()
            await server.stopped.wait()
            channel.begin_stop()
        nobody = Channel(None)
        with nobody.watched(server):  # type: ignore[arg-type]
            nobody.say(1)
            nobody.begin_stop()

    run(main)


def test_the_parent_hears_that_the_loop_is_alive_also_when_the_core_is_not_there():
    async def main(parent: socket.socket, channel: Channel) -> None:
        server = Server()
        server.core_server = None
        parent.setblocking(False)
        with channel.watched(server):  # type: ignore[arg-type]
            parent.sendall(json.dumps(PING).encode() + b"\n0\n")
            said = await asyncio.get_running_loop().sock_recv(parent, 100)
        assert json.loads(said) == PONG

    run(main)
