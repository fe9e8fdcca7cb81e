"""What is asked of programs/sse_starlette_app.py."""

from __future__ import annotations

from visit import Visit

#: Streams that go on for ever, and what must have ended when their client has left.
ENDLESS = {
    "/numbers": ["numbers"],
    "/waiting": ["waiting"],
    "/depends": ["depends", "dependency of /depends"],
    "/told": ["told", "told http.disconnect"],
    "/farewell": ["farewell"],
    "/asked": [],
    "/plain": ["plain"],
}


def visit(v: Visit) -> None:
    v.ask("GET", "/ended")
    for path in ("/numbers/3", "/threaded", "/channel"):
        v.ask("GET", path)
        v.ask("HEAD", path)
    v.stream("/numbers/100000", 2)
    for path, wanted in ENDLESS.items():
        v.stream(path, 1 if path != "/numbers" else 5)

        def has_ended(wanted: list[str] = wanted) -> bool:
            ended = v.fetch("/ended")
            return all(f'"{one}"' in ended for one in wanted)

        v.wait_for(f"what {path} leaves behind", has_ended)
    opened = {
        path: v.open(path) for path in ("/waiting", "/depends", "/numbers", "/farewell", "/plain")
    }
    for stream in opened.values():
        stream.events(1)
    v.stay(**opened)
