"""What is asked of programs/gradio_app.py: its page, and what its clients do."""

from __future__ import annotations

import json
import pathlib
import tempfile
import urllib.parse
from typing import Any

import gradio_client
from visit import Visit

API = "/gradio/gradio_api"


def converse(v: Visit) -> None:
    """What Gradio's own client does."""
    with tempfile.TemporaryDirectory() as folder:
        client = gradio_client.Client(
            f"{v.base}/gradio/", verbose=False, download_files=folder, analytics_enabled=False
        )
        v.note("client: greet", result=client.predict("you", api_name="/greet"))
        job = client.submit(4, api_name="/count")
        v.note("client: count", result=job.result(30), all=job.outputs())
        source = pathlib.Path(folder) / "quiet.txt"
        source.write_text("quiet\n" * 50000)
        loud = client.predict(gradio_client.handle_file(source), api_name="/shout")
        v.note("client: shout", size=len(pathlib.Path(loud).read_text()))
        try:
            client.predict("x", api_name="/fail")
        except Exception as error:
            v.note("client: fail", error=str(error))
        client.close()


def call(v: Visit, function: str, data: list[Any], leave_after: int) -> None:
    """A call as curl makes it, by its event stream."""
    answer = v.ask(
        "POST",
        f"{API}/call/{function}",
        json_body={"data": data},
        name=f"call {function}",
        same_body=False,
    )
    event = answer.json()["event_id"]
    v.stream(f"{API}/call/{function}/{event}", leave_after, name=f"call {function}, {leave_after}")


def join(v: Visit, session: str, function: int, data: list[Any]) -> None:
    """A call as the page makes it."""
    v.ask(
        "POST",
        f"{API}/queue/join?",
        json_body={"data": data, "fn_index": function, "session_hash": session, "trigger_id": None},
        name=f"join {session}",
        same_body=False,
    )


def upload(v: Visit) -> None:
    boundary = "----visit"
    body = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n'
        f"content-type: text/plain\r\n\r\n{'y' * 2000000}\r\n--{boundary}--\r\n"
    )
    kind = f"multipart/form-data; boundary={boundary}"
    sent = v.ask(
        "POST", f"{API}/upload", headers={"content-type": kind}, body=body.encode(), name="upload"
    )
    (path,) = json.loads(sent.text)
    target = f"{API}/file={urllib.parse.quote(path)}"
    v.ask("GET", target, name="what was uploaded")
    v.ask("GET", target, headers={"range": "bytes=5-99"}, name="a part of it")
    v.ask("HEAD", target, name="its head")


def visit(v: Visit) -> None:
    v.ask("GET", "/api/3")
    v.ask("GET", "/gradio", name="without the slash")
    v.page("/gradio/")
    for path in ("config", "gradio_api/info", "gradio_api/openapi.json", "theme.css", "robots.txt"):
        v.ask("GET", f"/gradio/{path}")
    for path in (
        "manifest.json",
        "favicon.ico",
        "nothing",
        "gradio_api/file=/etc/passwd",
        "monitoring",
    ):
        v.ask("GET", f"/gradio/{path}")
    v.ask("GET", "/gradio/gradio_api/app_id", same_body=False)
    v.ask("POST", f"{API}/run/greet", json_body={"data": ["you"]}, name="run")
    v.ask("POST", f"{API}/run/greet", body=b"{", name="no JSON")
    upload(v)
    converse(v)
    call(v, "greet", ["you"], 5)
    call(v, "count", [3], 5)
    call(v, "count", [1000], 2)
    join(v, "left", 1, [1000])
    v.stream(f"{API}/queue/data?session_hash=left", 4, name="the queue, left")
    v.stream(f"{API}/heartbeat/beating", 0, name="heartbeat")
    join(v, "staying", 1, [10000])
    queue = v.open(f"{API}/queue/data?session_hash=staying", name="queue")
    queue.events(3)
    heartbeat = v.open(f"{API}/heartbeat/staying", name="heart")
    v.stay(queue=queue, heartbeat=heartbeat)
