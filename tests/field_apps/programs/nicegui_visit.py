"""What is asked of programs/nicegui_app.py: its pages and all they refer to, and a browser's part."""

from __future__ import annotations

import ast
import asyncio
import json
import re
import urllib.parse
from typing import Any

import socketio
from visit import Answer, Visit

SOCKET = "_nicegui_ws/socket.io"


def elements(page: Answer) -> dict[str, dict[str, Any]]:
    """The elements of a page, as its script gets them."""
    found = re.search(r"parseElements\(String\.raw`(.*?)`\)", page.text, re.S)
    assert found is not None, "the page has no elements"
    text = found[1]
    for entity, sign in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#96;", "`"),
        ("&#36;", "$"),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, sign)
    data: dict[str, dict[str, Any]] = json.loads(text)
    return data


def query_of(page: Answer) -> dict[str, str]:
    found = re.search(r"query: (\{.*?\})", page.text)
    assert found is not None, "the page has no query"
    query: dict[str, Any] = ast.literal_eval(found[1])  # it stands there as Python writes it
    query |= {"document_id": "document", "tab_id": "tab", "old_tab_id": ""}
    return {key: str(value).lower() for key, value in query.items()}


async def browse(v: Visit, page: Answer, transports: list[str]) -> socketio.AsyncClient:
    """What a browser does: connect, press the button, hear of the changes."""
    name = "+".join(transports)
    updates: asyncio.Queue[Any] = asyncio.Queue()
    client = socketio.AsyncClient(reconnection=False)
    client.on("update", updates.put_nowait)
    query = query_of(page)
    url = f"{v.base}/?{urllib.parse.urlencode(query)}"
    await client.connect(url, transports=transports, socketio_path=SOCKET)
    v.note(f"{name}: transport", transport=client.transport())
    parts = elements(page)
    button = next(key for key, one in parts.items() if "button" in str(one.get("tag")))
    (event,) = [one for one in parts[button]["events"] if one["type"] == "click"]
    message = {
        "id": int(button),
        "client_id": query["client_id"],
        "listener_id": event["listener_id"],
        "args": [],
    }
    await client.emit("event", message)
    update = await asyncio.wait_for(updates.get(), 30)
    v.note(f"{name}: update", heard="heard a press" in json.dumps(update))
    return client


async def session(v: Visit, page: Answer, transports: list[str]) -> None:
    client = await browse(v, page, transports)
    await client.disconnect()


def upload(v: Visit, page: Answer) -> None:
    url = next(
        str(one["props"]["url"]) for one in elements(page).values() if "url" in one.get("props", {})
    )
    boundary = "----visit"
    body = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n'
        f"content-type: text/plain\r\n\r\n{'y' * 2000000}\r\n--{boundary}--\r\n"
    )
    kind = f"multipart/form-data; boundary={boundary}"
    v.ask("POST", url, headers={"content-type": kind}, body=body.encode(), name="upload")


def visit(v: Visit) -> None:
    v.ask("GET", "/api/3")
    page = v.page("/", same_body=False)
    v.note("the page", parts=len(elements(page)))
    v.ask("GET", "/long/300", same_body=False)
    v.ask("GET", "/wrong", same_body=False)
    v.ask("GET", "/nothing", same_body=False)
    v.ask("GET", "/notes/note.txt")
    v.ask("GET", "/notes/")
    for part in ("bytes=0-", "bytes=100-2000000", "bytes=-50", "bytes=9999999-"):
        v.ask("GET", "/films/film.mp4", headers={"range": part}, name=f"film {part}")
    cookie = page.headers.get("set-cookie", "").split(";")[0]
    v.ask("GET", "/", headers={"cookie": cookie}, same_body=False, name="again")
    v.ask("GET", "/", headers={"x-forwarded-prefix": "/behind"}, same_body=False, name="prefix")
    upload(v, page)
    for transports in (["websocket"], ["polling"]):
        page = v.ask("GET", "/", same_body=False, name=f"page for {transports[0]}")
        with v.leaving(transports[0]):
            asyncio.run(session(v, page, transports))
    page = v.ask("GET", "/", same_body=False, name="page until the stop")
    query = urllib.parse.urlencode({**query_of(page), "EIO": "4", "transport": "websocket"})
    raw = v.socket(f"/{SOCKET}/?{query}", max_size=None)
    raw.recv(30)
    raw.send("40")
    v.note("until the stop", connected=str(raw.recv(30))[:2])
    v.stay(page=raw)
