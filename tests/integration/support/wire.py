"""A small HTTP/1.1 client on raw sockets: it sends exactly the bytes it is given."""

from __future__ import annotations

import dataclasses
import socket
import time

__all__ = ["PATIENCE", "Connection", "Response", "WireError", "exchange", "send_and_read_all"]

# How long a read may wait before a test counts as hung. It bounds a failure, it measures nothing.
PATIENCE = 30.0


class WireError(Exception):
    """What came back is not a complete HTTP/1.1 response."""


@dataclasses.dataclass(frozen=True)
class Response:
    """One response as it came over the wire. `body` is decoded when it was chunked."""

    version: bytes
    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header with this name."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


class Connection:
    """One TCP connection, read response by response."""

    def __init__(self, address: tuple[str, int] | str, receive_buffer: int | None = None) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Close with RST, as a client that died does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def finish_sending(self) -> None:
        """Close our half; the other side may still answer."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.buffer += data
        return bool(data)

    def _until(self, mark: bytes) -> bytes:
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if not self._more():
                raise WireError(f"closed before {mark!r}; got {self.buffer!r}")
        piece, self.buffer = self.buffer[:at], self.buffer[at + len(mark) :]
        return piece

    def read_exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self._more():
                raise WireError(f"closed after {len(self.buffer)} of {count} bytes")
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        return piece

    def read_head(self) -> Response:
        """The next response's head alone (body empty)."""
        head = self._until(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        version, _, rest = status_line.partition(b" ")
        code, _, reason = rest.partition(b" ")
        if not version.startswith(b"HTTP/1.") or len(code) != 3 or not code.isdigit():
            raise WireError(f"not a status line: {status_line!r}")
        headers = []
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise WireError(f"not a header line: {line!r}")
            headers.append((name, value.strip(b" \t")))
        return Response(version, int(code), reason, tuple(headers), b"")

    def read_response(self, method: bytes = b"GET") -> Response:
        """The next response, complete. 1xx responses before it are skipped, except for 101."""
        head = self.read_head()
        while head.status < 200 and head.status != 101:
            head = self.read_head()
        return dataclasses.replace(head, body=self._body(head, method))

    def _body(self, head: Response, method: bytes) -> bytes:
        if method == b"HEAD" or head.status in (101, 204, 304):
            return b""
        if head.header(b"transfer-encoding") is not None:
            return b"".join(self.read_chunks())
        length = head.header(b"content-length")
        if length is not None:
            return self.read_exactly(int(length))
        return self.read_to_end()

    def read_chunks(self) -> list[bytes]:
        chunks = []
        while True:
            size = int(self._until(b"\r\n"), 16)
            chunk = self.read_exactly(size)
            if self.read_exactly(2) != b"\r\n":
                raise WireError("a chunk does not end in CRLF")
            if size == 0:
                return chunks
            chunks.append(chunk)

    def read_to_end(self) -> bytes:
        while self._more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def closed_by_peer(self) -> bool:
        """Wait for the peer's close. False if it sends something more instead."""
        return not self.buffer and not self._more()


def exchange(
    address: tuple[str, int] | str, request: bytes, method: bytes | None = None
) -> Response:
    """Send one request on a new connection and read its response."""
    with Connection(address) as connection:
        connection.send(request)
        return connection.read_response(method or request.split(b" ", 1)[0])


def send_and_read_all(address: tuple[str, int] | str, data: bytes) -> bytes:
    """Send bytes on a new connection and read until the server closes it."""
    deadline = time.monotonic() + PATIENCE
    with Connection(address) as connection:
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has closed already; what it answered is still to be read.
        received = connection.read_to_end()
    if time.monotonic() > deadline:
        raise WireError("the server took too long")
    return received
