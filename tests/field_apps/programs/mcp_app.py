"""An MCP server of the official SDK in a FastAPI app: streamable HTTP, and server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from field_probe import carry
from mcp.server.mcpserver import Context, MCPServer

mcp = MCPServer("Field")


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@mcp.tool()
async def count(to: int, context: Context) -> str:
    """Count, and tell how far it has come."""
    for number in range(to):
        await context.report_progress(number, to)
        await asyncio.sleep(0.01)
    return f"counted to {to}"


@mcp.tool()
async def wait() -> str:
    """Never comes back."""
    await asyncio.Event().wait()
    return "never"


@mcp.tool()
def fail() -> str:
    """An error of a tool."""
    raise ValueError("no")


@mcp.resource("greeting://{name}")
def greeting(name: str) -> str:
    return f"Hello, {name}!"


@mcp.prompt()
def review(code: str) -> str:
    return f"Please review: {code}" + " at length" * 100


streamable = mcp.streamable_http_app(streamable_http_path="/")
stateless = MCPServer("Stateless")
stateless.tool()(add)
json_app = stateless.streamable_http_app(
    streamable_http_path="/", json_response=True, stateless_http=True
)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with mcp.session_manager.run(), stateless.session_manager.run():
        yield
    print("sessions closed", flush=True)


app = FastAPI(lifespan=lifespan)
carry(app)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


app.mount("/mcp", streamable)
app.mount("/json", json_app)
app.mount("/", mcp.sse_app())
