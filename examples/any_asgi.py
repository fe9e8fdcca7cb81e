"""Any ASGI app can be served, not only a FasterAPI one.

fasterapi run examples/any_asgi.py        or        python examples/any_asgi.py
"""

from typing import Any

import fasterapi


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError(f"this app does not speak {scope['type']}")
    body = b"You asked for " + scope["path"].encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    fasterapi.serve(app, host="127.0.0.1", port=8000)
