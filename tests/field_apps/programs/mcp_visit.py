"""What is asked of programs/mcp_app.py: as its own client does, and by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from visit import Visit

BOTH = {"accept": "application/json, text/event-stream"}


async def converse(v: Visit, name: str, transport: Any, mode: str = "auto") -> None:
    """What an MCP client does, from the handshake to its leaving."""
    progress: list[tuple[float, float | None]] = []

    async def heard(done: float, total: float | None, message: str | None) -> None:
        progress.append((done, total))

    async with Client(transport, mode=mode) as client:
        tools = await client.list_tools()
        v.note(f"{name}: tools", tools=[tool.name for tool in tools.tools])
        for tool, arguments in (("add", {"a": 1, "b": 2}), ("fail", {}), ("count", {"to": 3})):
            result = await client.call_tool(tool, arguments, progress_callback=heard)
            v.note(f"{name}: {tool}", result=result.model_dump(mode="json"))
        v.note(f"{name}: progress", heard=progress)
        resource = await client.read_resource("greeting://you")
        v.note(f"{name}: resource", result=resource.model_dump(mode="json"))
        prompt = await client.get_prompt("review", {"code": "x = 1"})
        v.note(f"{name}: prompt", result=prompt.model_dump(mode="json"))


async def give_up(name: str, transport: Any) -> None:
    """Leave while a tool runs."""
    async with Client(transport) as client:
        call = asyncio.create_task(client.call_tool("wait", {}))
        await asyncio.sleep(0)
        await client.list_tools()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


def call(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def by_hand(v: Visit, path: str) -> str | None:
    """The handshake; the session's id, if there is one."""
    client = {"name": "visit", "version": "1"}
    answer = v.ask(
        "POST",
        path,
        headers=BOTH,
        json_body=call(
            1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client
        ),
    )
    return answer.headers.get("mcp-session-id")


def visit(v: Visit) -> None:
    v.ask("GET", "/health")
    for name, make in (
        ("http", lambda: streamable_http_client(f"{v.base}/mcp/")),
        ("sse", lambda: sse_client(f"{v.base}/sse")),
    ):
        with v.leaving(name):
            asyncio.run(converse(v, name, make(), "auto" if name == "http" else "legacy"))
        with v.leaving(f"{name} given up"):
            asyncio.run(give_up(name, make()))
    by_hand(v, "/json/")
    v.ask(
        "POST",
        "/json/",
        headers=BOTH,
        json_body=call(2, "tools/call", name="add", arguments={"a": 1, "b": 2}),
    )
    v.ask("POST", "/json/", headers=BOTH, json_body=call(3, "tools/list"))
    v.ask("POST", "/mcp/", headers=BOTH, body=b"{", name="no JSON")
    v.ask("POST", "/mcp/", json_body={}, name="not acceptable")
    v.ask("POST", "/mcp", headers=BOTH, json_body={}, name="without the slash")
    v.ask("PUT", "/mcp/", headers=BOTH, json_body={})
    v.ask("POST", "/messages/?session_id=0", json_body={})
    session = {"mcp-session-id": by_hand(v, "/mcp/") or "", **BOTH}
    v.ask(
        "POST",
        "/mcp/",
        headers=session,
        json_body={"jsonrpc": "2.0", "method": "notifications/initialized"},
    )
    v.ask(
        "POST",
        "/mcp/",
        headers=session,
        json_body=call(4, "tools/call", name="count", arguments={"to": 2}),
    )
    with v.leaving("the stream of a session"):
        v.open("/mcp/", headers={**session, "accept": "text/event-stream"}).leave()
    v.ask("DELETE", "/mcp/", headers=session)
    v.ask("POST", "/mcp/", headers=session, json_body=call(5, "ping"), name="after the end")
    v.stream("/sse", 1)
    session = {"mcp-session-id": by_hand(v, "/mcp/") or "", **BOTH}
    listening = v.open(
        "/mcp/", headers={**session, "accept": "text/event-stream"}, name="listening"
    )
    waiting = v.open("/sse", name="waiting")
    waiting.events(1)
    v.stay(listening=listening, waiting=waiting)
