"""A Flask app inside FastAPI, by a2wsgi."""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Iterator

import flask
from a2wsgi import ASGIMiddleware, WSGIMiddleware
from fastapi import FastAPI
from field_probe import carry

folder = pathlib.Path(tempfile.mkdtemp(prefix="field-apps-"))
(folder / "page.css").write_text("body { color: #333 }\n" * 200)
(folder / "page.js").write_text("console.log('page')\n" * 200)

flask_app = flask.Flask("inner", static_folder=str(folder), static_url_path="/static")
ended: list[str] = []


@flask_app.get("/")
def page() -> str:
    return (
        "<html><head><link rel=stylesheet href='static/page.css'>"
        "<script src='static/page.js'></script></head>" + "<p>text</p>" * 200
    )


@flask_app.route("/echo", methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def echo() -> flask.Response:
    request = flask.request
    names = ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE")
    names += ("CONTENT_LENGTH", "SERVER_PROTOCOL", "wsgi.url_scheme", "HTTP_X_MORE", "HTTP_HOST")
    names += ("REMOTE_ADDR", "SERVER_NAME", "HTTP_ACCEPT_ENCODING")
    environ = {name: request.environ.get(name) for name in names}
    body = request.get_data()
    return flask.jsonify(environ=environ, size=len(body), start=body[:20].decode("latin-1"))


@flask_app.post("/form")
def form() -> flask.Response:
    files = {name: len(file.read()) for name, file in flask.request.files.items()}
    return flask.jsonify(form=flask.request.form.to_dict(), files=files)


@flask_app.get("/cookies")
def cookies() -> flask.Response:
    answer = flask.make_response("two", 201)
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2")
    return answer


@flask_app.get("/away")
def away() -> flask.Response:
    return flask.redirect("echo?x=1", 303)  # type: ignore[return-value]


@flask_app.get("/empty")
def empty() -> tuple[str, int]:
    return "", 204


@flask_app.get("/wrong")
def wrong() -> str:
    raise RuntimeError("of the app")


@flask_app.get("/ended")
def tell_ended() -> flask.Response:
    return flask.jsonify(ended)


@flask_app.get("/lines/<int:count>")
def lines(count: int) -> flask.Response:
    def produce() -> Iterator[str]:
        try:
            for number in range(count):
                yield f"data: {number} {'x' * 100}\n\n"
                time.sleep(0.01)
        finally:
            ended.append(f"{count} lines")

    return flask.Response(produce(), mimetype="text/event-stream")


app = FastAPI()
carry(app)


@app.get("/outer")
def outer() -> dict[str, str]:
    return {"outer": "fastapi"}


inner = FastAPI()


@inner.get("/there/{number}")
async def there(number: int) -> dict[str, int]:
    return {"number": number}


app.mount("/flask", WSGIMiddleware(flask_app.wsgi_app))
#: There and back again: an ASGI app as WSGI as ASGI.
app.mount("/twice", WSGIMiddleware(ASGIMiddleware(inner)))
