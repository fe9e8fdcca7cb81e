"""A bare ASGI app: no framework at all."""

import os
import pathlib
from typing import Any

STATIC = pathlib.Path(__file__).parent / "static"


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await ROUTES.get(scope["path"], missing)(scope, receive, send)


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup" and os.environ.get("LIFESPAN_FAILS"):
            await send({"type": "lifespan.startup.failed", "message": "database is not there"})
            return
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def start(send: Any, status: int = 200, headers: Any = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def body(send: Any, data: bytes, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def missing(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 404)
    await body(send, b"missing")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Sends each piece of the body back as it comes."""
    await start(send)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if message["body"]:
            await body(send, message["body"], more=True)
        if not message["more_body"]:
            break
    await body(send, b"")


async def answered_then_stuck(scope: Any, receive: Any, send: Any) -> None:
    """Blocks the event loop, after its answer, until somebody writes to the FIFO of the query."""
    await start(send)
    await body(send, b"answered")
    pathlib.Path(scope["query_string"].decode()).read_bytes()


async def scope_of(scope: Any, receive: Any, send: Any) -> None:
    shown = {k: v for k, v in scope.items() if k not in ("state", "extensions", "client", "server")}
    await start(send, 200, [(b"content-type", b"text/plain")])
    await body(send, repr(sorted(shown.items())).encode())


async def pathsend(scope: Any, receive: Any, send: Any) -> None:
    path = STATIC / "hello.txt"
    size = path.stat().st_size
    await start(send, 200, [(b"content-length", b"%d" % size)])
    await send({"type": "http.response.pathsend", "path": str(path)})


async def pathsend_chunked(scope: Any, receive: Any, send: Any) -> None:
    """No length announced; ?empty asks for an empty file."""
    await start(send, 200, [])
    name = "empty.txt" if scope["query_string"] == b"empty" else "hello.txt"
    await send({"type": "http.response.pathsend", "path": str(STATIC / name)})


async def two_lengths(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 200, [(b"content-length", b"2"), (b"content-length", b"3")])
    await body(send, b"ab")


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("raised before the start")


async def raises_late(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 200, [(b"content-length", b"10")])
    await body(send, b"12345", more=True)
    raise RuntimeError("raised in the body")


async def silent(scope: Any, receive: Any, send: Any) -> None:
    return


async def too_long(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 200, [(b"content-length", b"3")])
    await body(send, b"12345")


async def no_length(scope: Any, receive: Any, send: Any) -> None:
    await start(send)
    await body(send, b"whole")


async def early(scope: Any, receive: Any, send: Any) -> None:
    """Answers without having read the body."""
    await start(send, 403, [(b"content-length", b"2")])
    await body(send, b"no")


async def empty(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 204)
    await body(send, b"")


async def many_headers(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 200, [(b"x-%d" % n, b"v" * 100) for n in range(200)])
    await body(send, b"ok")


ROUTES = {
    "/answered-then-stuck": answered_then_stuck,
    "/echo": echo,
    "/scope": scope_of,
    "/pathsend": pathsend,
    "/pathsend-chunked": pathsend_chunked,
    "/two-lengths": two_lengths,
    "/raises": raises,
    "/raises-late": raises_late,
    "/silent": silent,
    "/too-long": too_long,
    "/no-length": no_length,
    "/early": early,
    "/empty": empty,
    "/many-headers": many_headers,
}
