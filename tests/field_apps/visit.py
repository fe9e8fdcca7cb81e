"""Asks one running server what the visit of a program asks, and writes down what came.

    python visit.py PROGRAM http://127.0.0.1:PORT FOLDER

Runs in the environment of the program, whose clients it may use. Each observation is a line of JSON
on stdout, {"name": ..., "facts": {...}}; texts that are compared lie in FOLDER, so that a difference
can be looked at. `{"staying": true}` means: connections are open now, stop the server.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import importlib
import json
import pathlib
import re
import socket
import sys
import time
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import brotli
from catalog import PROGRAMS
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

__all__ = ["Answer", "Stream", "Visit"]

HERE = pathlib.Path(__file__).resolve().parent
#: How long one that fails may take; nothing is measured with them.
PATIENCE = 30.0
#: How long what a left stream was made of may take to go.
GONE_WITHIN = 8.0
#: Headers whose values both servers must send alike.
COMPARED = (
    "content-type",
    "content-encoding",
    "vary",
    "location",
    "cache-control",
    "accept-ranges",
)
COMPARED += ("content-range", "allow", "x-passed", "content-disposition", "www-authenticate")
#: What HTML, CSS and scripts refer to. Of scripts only what is a path by its looks.
REFERENCES = re.compile(
    r"""(?:src|href)\s*=\s*["']([^"'#>\s{}]+)|url\(\s*["']?([^"'#)\s]+)|"""
    r"""["'`](\.{0,2}/[^"'`\s]+\.(?:m?js|css))["'`]"""
)
#: A page may refer to thousands of scripts, by those it may load later.
ASSETS = 200


class Answer:
    """One whole answer. body: decoded; text: with what varies replaced."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, facts: dict[str, Any]):
        self.status, self.headers, self.body, self.facts = status, headers, body, facts

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return json.loads(self.body)


def decoded(body: bytes, encoding: str) -> bytes:
    """The body without its content-encoding; an error if it does not decode to its end."""
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "br":
        return bytes(brotli.decompress(body))
    if encoding not in ("", "identity"):
        raise ValueError(f"content-encoding {encoding}")
    return body


class Stream:
    """An event stream that is being read: blocks of lines, without comments, as text."""

    def __init__(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse):
        self.connection, self.answer = connection, answer
        self.encoding = answer.headers.get("content-encoding", "")
        self._inflate = _inflater(self.encoding)

    def piece(self) -> bytes:
        """What came next, decoded; b"" at the end."""
        while data := self.answer.read1(65536):
            if piece := self._inflate(data):
                return piece
        return b""

    def events(self, count: int) -> list[str]:
        """The next `count` events, or those up to the end."""
        text, found = "", []
        while len(found) < count and (piece := self.piece()):
            text += piece.decode("utf-8", "replace").replace("\r\n", "\n")
            *blocks, text = text.split("\n\n")
            found += [block for block in blocks if block and not block.startswith(":")]
        return found[:count]

    def leave(self) -> None:
        """Close the socket, as a client that goes away does."""
        self.answer.close()
        self.connection.close()

    def ending(self) -> str:
        """Read to the end, and say how it came."""
        try:
            while self.piece():
                pass
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            self.leave()
        return "whole"


def _inflater(encoding: str) -> Callable[[bytes], bytes]:
    if encoding == "gzip":
        import zlib

        return zlib.decompressobj(wbits=31).decompress
    if encoding == "br":
        process: Callable[[bytes], bytes] = brotli.Decompressor().process
        return process
    return lambda data: data


class Visit:
    """What the visit of a program asks with; every answer becomes an observation."""

    def __init__(self, program: str, base: str, folder: pathlib.Path) -> None:
        address = urllib.parse.urlsplit(base)
        self.base, self.folder = base, folder
        self.host, self.port = str(address.hostname), int(address.port or 80)
        self.varies = [
            (re.compile(re.escape(f"{self.host}:{self.port}")), "HOST"),
            (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "UUID"),
            (re.compile(r"\b[0-9a-f]{32}\b"), "HEX"),
            (re.compile(r"\b20\d\d-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)?"), "TIME"),
            *((re.compile(pattern), put) for pattern, put in PROGRAMS[program].varies),
        ]
        self._names: dict[str, int] = {}

    def plain(self, text: str) -> str:
        """The text with what varies from process to process replaced."""
        for pattern, put in self.varies:
            text = pattern.sub(put, text)
        return text

    def note(self, name: str, **facts: Any) -> None:
        """An observation of the visit's own."""
        number = self._names[name] = self._names.get(name, 0) + 1
        name = name if number == 1 else f"{name} #{number}"
        facts = json.loads(self.plain(json.dumps(facts, sort_keys=True, default=str)))
        print(json.dumps({"name": name, "facts": facts}), flush=True)

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        connection.request(
            method,
            path,
            body,
            {"accept-encoding": "gzip, br", "user-agent": "visit", **(headers or {})},
        )
        return connection, connection.getresponse()

    def _head_facts(self, answer: http.client.HTTPResponse) -> dict[str, Any]:
        facts: dict[str, Any] = {"status": answer.status}
        for name in COMPARED:
            values = answer.headers.get_all(name)
            if values:
                facts[name] = [self.plain(value) for value in values]
        for name in ("etag", "last-modified"):
            facts[name] = name in answer.headers
        return facts

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        json_body: Any = None,
        name: str = "",
        same_body: bool = True,
    ) -> Answer:
        """One request, its whole answer, noted. same_body False: only how it came is compared."""
        if json_body is not None:
            body = json.dumps(json_body).encode()
            headers = {"content-type": "application/json", **(headers or {})}
        name = name or f"{method} {self.plain(path)}"
        try:
            connection, answer = self.send(method, path, headers, body)
            facts, raw = self._head_facts(answer), b""
            try:
                raw = answer.read()
            except (OSError, http.client.HTTPException) as error:
                facts["cut"] = type(error).__name__
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            self.note(name, failed=type(error).__name__)
            return Answer(0, {}, b"", {})
        values = {key.lower(): value for key, value in answer.headers.items()}
        facts["framing"] = "chunked" if "transfer-encoding" in values else "length"
        length = values.get("content-length")
        if length is not None and method != "HEAD" and answer.status not in (204, 304):
            facts["length as said"] = int(length) == len(raw)
        try:
            body = decoded(raw, values.get("content-encoding", "")) if raw else raw
        except Exception as error:
            facts["does not decode"], body = f"{type(error).__name__}", raw
        if same_body:
            facts["body"] = self._kept(name, body, values.get("content-type", ""))
        self.note(name, **facts)
        return Answer(answer.status, values, body, facts)

    def _kept(self, name: str, body: bytes, kind: str) -> str:
        if re.search(r"text|json|javascript|xml|svg", kind):
            body = self.plain(body.decode("utf-8", "replace")).encode()
        digest = hashlib.sha256(body).hexdigest()[:12]
        safe = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[-100:]
        (self.folder / f"{safe}.{self._names.get(name, 0) + 1}").write_bytes(body)
        return f"{digest}, {len(body)} bytes"

    def page(self, path: str, **options: Any) -> Answer:
        """A page, and everything of this server that it and its parts refer to."""
        first = self.ask("GET", path, **options)
        seen, waiting = {path}, self._referred(path, first)
        while waiting and len(seen) < ASSETS:
            target = waiting.pop(0)
            if target in seen:
                continue
            seen.add(target)
            answer = self.ask("GET", target)
            waiting += self._referred(target, answer)
        self.note(f"assets of {path}", count=len(seen))
        self._variants(sorted(seen - {path}))
        return first

    def _variants(self, assets: list[str]) -> None:
        """HEAD, a range and a conditional request for the first script and the first style."""
        for suffix in (".js", ".css", ".png", ".svg"):
            path = next((one for one in assets if one.split("?")[0].endswith(suffix)), None)
            if path is None:
                continue
            first = self.ask("HEAD", path)
            self.ask("GET", path, headers={"range": "bytes=10-99"}, name=f"range of {path}")
            self.ask("GET", path, headers={"accept-encoding": ""}, name=f"plain {path}")
            if etag := first.headers.get("etag"):
                self.ask("GET", path, headers={"if-none-match": etag}, name=f"unchanged {path}")

    def _referred(self, path: str, answer: Answer) -> list[str]:
        if not re.search(r"html|css|javascript", answer.headers.get("content-type", "")):
            return []
        found = []
        for groups in REFERENCES.findall(answer.text):
            target = urllib.parse.urljoin(self.base + path, next(one for one in groups if one))
            parts = urllib.parse.urlsplit(target)
            if (parts.scheme, parts.netloc) == ("http", f"{self.host}:{self.port}"):
                found.append(urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")) or "/")
        return list(dict.fromkeys(found))

    def fetch(self, path: str) -> str:
        """The text of an answer that is not noted."""
        connection, answer = self.send("GET", path)
        body = decoded(answer.read(), answer.headers.get("content-encoding", ""))
        connection.close()
        return body.decode()

    def alive(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.fetch("/field-probe"))
        return found

    @contextlib.contextmanager
    def leaving(self, name: str) -> Iterator[None]:
        """What was made inside must be gone soon after it; what is not is noted."""
        before = self.alive()
        yield
        end = time.monotonic() + GONE_WITHIN
        while left := {
            k: n - before.get(k, 0) for k, n in self.alive().items() if n > before.get(k, 0)
        }:
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        self.note(f"alive after {name}", left=left)

    def open(self, path: str, method: str = "GET", name: str = "", **options: Any) -> Stream:
        """A stream, its head noted."""
        connection, answer = self.send(method, path, **options)
        self.note(name or f"stream {self.plain(path)}", **self._head_facts(answer))
        return Stream(connection, answer)

    def stream(self, path: str, events: int, name: str = "", **options: Any) -> list[str]:
        """Read some events of a stream, leave, and note the events and what stays alive."""
        name = name or path
        with self.leaving(name):
            stream = self.open(path, name=f"stream {self.plain(name)}", **options)
            found = stream.events(events)
            stream.leave()
        self.note(f"events of {name}", events=found)
        return found

    def socket(self, path: str, **options: Any) -> ClientConnection:
        """A WebSocket, what the handshake chose noted."""
        try:
            opened = connect(
                f"ws://{self.host}:{self.port}{path}", open_timeout=PATIENCE, **options
            )
        except InvalidStatus as error:
            self.note(f"websocket {path}", status=error.response.status_code)
            raise
        extensions = (
            opened.response.headers.get("sec-websocket-extensions") if opened.response else ""
        )
        self.note(f"websocket {path}", subprotocol=opened.subprotocol, extensions=bool(extensions))
        return opened

    def wait_for(self, what: str, condition: Callable[[], Any]) -> Any:
        """What `condition` gives as soon as it gives something; noted if it never does."""
        end = time.monotonic() + GONE_WITHIN
        while not (found := condition()):
            if time.monotonic() > end:
                self.note(what, never=True)
                return found
            time.sleep(0.02)
        return found

    def stay(self, **opened: Stream | ClientConnection) -> None:
        """Let the server be stopped while these are open; note how each of them ends."""
        print(json.dumps({"staying": True}), flush=True)
        for name, one in opened.items():
            if isinstance(one, Stream):
                self.note(f"stop: {name}", ended=one.ending())
                continue
            try:
                while True:
                    one.recv(PATIENCE)
            except ConnectionClosed as error:
                received = error.rcvd
                self.note(f"stop: {name}", code=received and received.code)
            except TimeoutError:
                self.note(f"stop: {name}", ended="never")


def main() -> int:
    program, base, folder = sys.argv[1:]
    socket.setdefaulttimeout(PATIENCE)
    visit = Visit(program, base, pathlib.Path(folder))
    module = importlib.import_module(f"{program}_visit")
    try:
        module.visit(visit)
    except Exception:
        traceback.print_exc()
        visit.note("the visit itself", failed=traceback.format_exc(limit=0).splitlines()[-1])
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(HERE / "programs"))
    sys.exit(main())
