"""A small client of the Debug Adapter Protocol: line breakpoints, and where a program has stopped."""

from __future__ import annotations

import json
import pathlib
import socket
from collections.abc import Iterable
from typing import Any

from wire import PATIENCE

__all__ = ["Debugger"]

_Message = dict[str, Any]


class Debugger:
    """Attached to a program that runs; `with` lets it go again."""

    def __init__(self, address: tuple[str, int], path: pathlib.Path, lines: Iterable[int]) -> None:
        """Attach, with breakpoints in these lines of a file. They count when this returns."""
        self._socket = socket.create_connection(address, PATIENCE)
        self._reader = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[_Message] = []
        self._responses: dict[int, _Message] = {}
        try:
            self._attach(path, lines)
        except BaseException:
            self._close()
            raise

    def _attach(self, path: pathlib.Path, lines: Iterable[int]) -> None:
        self._ask("initialize", adapterID="field", pathFormat="path", linesStartAt1=True)
        attached = self._send("attach", justMyCode=False)  # answered at the end of all this
        self._event("initialized")
        points = [{"line": line} for line in lines]
        set_points = self._ask("setBreakpoints", source={"path": str(path)}, breakpoints=points)
        assert all(point["verified"] for point in set_points["breakpoints"]), set_points
        self._ask("configurationDone")
        self._answer(attached)

    def __enter__(self) -> Debugger:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("disconnect", terminateDebuggee=False)
        finally:
            self._close()

    def _close(self) -> None:
        self._reader.close()
        self._socket.close()

    def stopped(self) -> tuple[str, str, int]:
        """Wait until a thread is at a breakpoint: its name, the function, the line. It goes on."""
        thread = self._event("stopped")["threadId"]
        names = {each["id"]: each["name"] for each in self._ask("threads")["threads"]}
        top = self._ask("stackTrace", threadId=thread, levels=1)["stackFrames"][0]
        self._ask("continue", threadId=thread)
        return names[thread], top["name"], top["line"]

    # -- messages ----------------------------------------------------------------------------------

    def _send(self, command: str, **arguments: Any) -> int:
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command}
        body = json.dumps({**message, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._sent

    def _ask(self, command: str, **arguments: Any) -> Any:
        return self._answer(self._send(command, **arguments))

    def _answer(self, number: int) -> Any:
        while number not in self._responses:
            self._read()
        response = self._responses.pop(number)
        assert response["success"], response
        return response.get("body")

    def _event(self, name: str) -> Any:
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    return event.get("body")
            self._read()

    def _read(self) -> None:
        length = 0
        while line := self._reader.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length > 0, "the debugger has closed the connection"
        message: _Message = json.loads(self._reader.read(length))
        if message["type"] == "response":
            self._responses[message["request_seq"]] = message
        elif message["type"] == "event":
            self._events.append(message)
