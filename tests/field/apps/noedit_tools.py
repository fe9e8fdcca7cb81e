"""Tools that put something of theirs in FastAPI's place, after the command has imported FastAPI."""

import functools
import os
from typing import Any

import fastapi
import fastapi.routing

SEEN: list[str] = []


class WatchedFastAPI(fastapi.FastAPI):
    """As OpenTelemetry's and Logfire's `instrument()` do."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        before = self.build_middleware_stack

        def build_middleware_stack() -> Any:
            stack = before()

            async def watched(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http":
                    SEEN.append(f"class {scope['path']}")
                await stack(scope, receive, send)

            return watched

        self.build_middleware_stack = build_middleware_stack  # type: ignore[method-assign]


def watch_functions() -> None:
    """As Sentry's integration and Logfire's `instrument_fastapi` do."""
    original = fastapi.routing.run_endpoint_function

    @functools.wraps(original)
    async def watched(**given: Any) -> Any:
        SEEN.append(f"function {given['dependant'].call.__name__}")
        return await original(**given)

    fastapi.routing.run_endpoint_function = watched


if "class" in os.environ["TOOLS"]:
    fastapi.FastAPI = WatchedFastAPI  # type: ignore[misc]
if "function" in os.environ["TOOLS"]:
    watch_functions()

if os.environ.get("EDITED") and os.environ["FIELD_SERVER"] == "fasterapi":
    from fasterapi import FasterAPI as App
else:
    from fastapi import FastAPI as App

app = App()


@app.get("/read")
async def read() -> int:
    return 1


@app.get("/sync")
def sync() -> int:
    return 2


@app.get("/seen")
def seen() -> list[str]:
    return SEEN
