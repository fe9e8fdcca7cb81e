"""The programs that are served here: where from, with what, and what may differ."""

from __future__ import annotations

import dataclasses
import re

__all__ = ["MAY_DIFFER", "PROGRAMS", "Program"]

#: Lines of our log that say what Uvicorn has no reason to say.
MAY_DIFFER = {"log": re.compile(r"Nothing is compiled")}


@dataclasses.dataclass(frozen=True)
class Program:
    """One program. Its app is programs/<name>_app.py, what is asked of it programs/<name>_visit.py."""

    distribution: str
    version: str
    extras: str = ""
    #: What the app and its visitor need besides.
    needs: tuple[str, ...] = ()
    #: What differs from one process to the next, in bodies and events: (pattern, what is put there).
    varies: tuple[tuple[str, str], ...] = ()
    #: Observations that may differ: (pattern of their names, the reason).
    differs: tuple[tuple[str, str], ...] = ()
    #: Environment of the server.
    environ: tuple[tuple[str, str], ...] = ()

    @property
    def requirement(self) -> str:
        return f"{self.distribution}{self.extras}=={self.version}"


#: See "a server that stops" in docs/reference/differences.md.
HEARS_AT_ONCE = (
    "an event stream hears of the stop at once, and may end whole; Uvicorn cuts it later"
)

PROGRAMS = {
    "sse_starlette": Program(
        "sse-starlette", "3.7.0", differs=(("^stop: /plain$", HEARS_AT_ONCE),)
    ),
    "a2wsgi": Program("a2wsgi", "1.10.10", needs=("flask",)),
    "mcp": Program("mcp", "2.3.0"),
    "strawberry": Program("strawberry-graphql", "0.341.2", "[fastapi]"),
    "socketio": Program("python-socketio", "5.18.1", needs=("aiohttp", "requests")),
    "nicegui": Program("nicegui", "3.18.0", needs=("aiohttp",)),
    "gradio": Program(
        "gradio",
        "6.31.0",
        varies=(
            (r'app_id(\\*)":\s*\d+', r'app_id\1":0'),
            (r'((?:duration|eta)\\*":\s*)[\d.e-]+', r"\1 0"),
        ),
        differs=(("^stop: (queue|heartbeat)$", HEARS_AT_ONCE),),
    ),
    "prefect": Program(
        "prefect",
        "3.9.1",
        environ=(
            # Else neither server says where it listens: Prefect sets their loggers to WARNING.
            ("PREFECT_LOGGING_SERVER_LEVEL", "INFO"),
            ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ),
    ),
}
