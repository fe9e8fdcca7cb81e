"""What is asked of programs/socketio_app.py: as its client does, and by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import socketio
from visit import Visit

PATH = "/socket.io/?EIO=4&transport="
REASONS = ("client disconnect", "transport close", "transport error", "ping timeout")


async def converse(v: Visit, transports: list[str], leave: str) -> None:
    """Connect, talk, and leave, politely or not."""
    name = "+".join(transports)
    heard: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    client = socketio.AsyncClient(reconnection=False)
    for event in ("echoed", "joined"):
        client.on(event, lambda data, event=event: heard.put_nowait((event, data)))
    await client.connect(v.base, headers={"x-more": "more"}, transports=transports)
    v.note(f"{name}: transport", transport=client.transport())
    for data in ("text", {"a": [1, 2.5, None]}, b"bytes" * 100, "long " * 50000):
        answer = await client.call("echo", data, timeout=30)
        echoed = await asyncio.wait_for(heard.get(), 30)
        v.note(f"{name}: echo", same=answer == data and echoed == ("echoed", data))
    v.note(f"{name}: join", count=await client.call("join", f"room {name} {leave}", timeout=30))
    v.note(f"{name}: joined", heard=await asyncio.wait_for(heard.get(), 30))
    session = await client.call("session", timeout=30)
    session["QUERY_STRING"] = session["QUERY_STRING"].split("&t=")[0]
    v.note(f"{name}: session", **session)
    if leave == "politely":
        await client.disconnect()
    else:
        await client.eio.http.close()
        client.eio.state = "disconnected"


async def refused(v: Visit) -> None:
    client = socketio.AsyncClient(reconnection=False)
    try:
        await client.connect(v.base, auth="refuse", transports=["websocket"])
    except socketio.exceptions.ConnectionError as error:
        v.note("refused", error=str(error))
    finally:
        await client.disconnect()


def by_hand(v: Visit) -> str:
    """A session by polling; its id."""
    answer = v.ask("GET", PATH + "polling", same_body=False, name="open a session")
    sid = str(json.loads(answer.text[1:])["sid"])
    session = f"{PATH}polling&sid={sid}"
    v.ask("POST", session, body=b"40", name="connect")
    v.ask("GET", session, same_body=False, name="connected")
    return sid


def visit(v: Visit) -> None:
    v.ask("GET", "/ended")
    for transports in (["polling"], ["websocket"], ["polling", "websocket"]):
        for leave in ("politely", "rudely") if "polling" not in transports else ("politely",):
            with v.leaving(f"{'+'.join(transports)} {leave}"):
                asyncio.run(converse(v, transports, leave))
    asyncio.run(refused(v))
    sid = by_hand(v)
    session = f"{PATH}polling&sid={sid}"
    for number in (1, 2):
        v.ask("POST", session, body=b'421["echo","' + b"x" * 3000 + b'"]', name=f"emit {number}")
        v.ask("GET", session, name=f"poll {number}")
    v.ask("POST", session, body=b"41", name="disconnect")
    v.ask("GET", PATH + "polling&sid=nobody", name="nobody")
    v.ask("POST", PATH + "polling&sid=nobody", body=b"40", name="nobody posts")
    v.ask("GET", PATH + "none", name="no transport")
    v.ask("GET", "/nothing")
    v.ask("OPTIONS", PATH + "polling", headers={"origin": v.base})
    raw = v.socket(PATH + "websocket")
    v.note("raw", first=json.loads(str(raw.recv(30))[1:]).keys() >= {"sid", "pingInterval"})
    raw.send("40")
    v.note("raw, connected", start=str(raw.recv(30))[:2])
    polling = by_hand(v)
    waiting = v.send("GET", f"{PATH}polling&sid={polling}")  # nothing comes: it waits
    v.stay(websocket=raw)
    waiting[0].close()
