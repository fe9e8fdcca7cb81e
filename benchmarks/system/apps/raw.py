"""An ASGI app without a framework."""

HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"23")]
BODY = b'{"id":1,"name":"Alice"}'


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only HTTP")
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
