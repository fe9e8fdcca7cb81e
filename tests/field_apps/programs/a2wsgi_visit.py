"""What is asked of programs/a2wsgi_app.py."""

from __future__ import annotations

from visit import Visit

BOUNDARY = "----visit"
FORM = (
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n'
    f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="f"; filename="f.txt"\r\n'
    f"content-type: text/plain\r\n\r\n{'y' * 300000}\r\n--{BOUNDARY}--\r\n"
)


def visit(v: Visit) -> None:
    v.ask("GET", "/outer")
    v.page("/flask/")
    v.ask("GET", "/flask", name="without the slash")
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
        body = b"z" * 100 if method in ("POST", "PUT", "PATCH") else None
        v.ask(method, "/flask/echo?x=1&y=%C3%A4", headers={"x-more": "more"}, body=body)
    v.ask("POST", "/flask/echo", body=b"w" * 3_000_000, name="a large body")
    v.ask(
        "POST",
        "/flask/form",
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"},
        body=FORM.encode(),
    )
    for path in ("cookies", "away", "empty", "wrong", "nothing", "lines/20", "static/../page.css"):
        v.ask("GET", f"/flask/{path}")
    v.ask("GET", "/twice/there/3")
    v.ask("GET", "/twice/there/x")
    v.stream("/flask/lines/300", 3)

    with v.leaving("two streams"):
        opened = [v.open(f"/flask/lines/{count}") for count in (301, 302)]
        for stream in opened:
            stream.events(1)
            stream.leave()
    stream = v.open("/flask/lines/10003")
    stream.events(1)
    v.stay(lines=stream)
