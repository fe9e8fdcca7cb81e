"""The ASGI lifespan protocol: what an app does once before the first and after the last request."""

from __future__ import annotations

import asyncio
from typing import Any

from fasterapi.log import StartupError, error_logger
from fasterapi.stream import ASGIApp, Message

__all__ = ["MODES", "Lifespan"]

MODES = ("auto", "on", "off")

_OUT_OF_ORDER = "Got invalid state transition on lifespan protocol."


class Lifespan:
    """Runs one app's lifespan in a task of its own, so its context managers enter and exit there.

    mode: "auto" takes an app that raises on the lifespan scope as one without lifespan, "on" makes
    that an error, "off" never asks. `state` is filled by the app; each request gets a copy.
    Loop thread only.
    """

    def __init__(self, app: ASGIApp, mode: str = "auto") -> None:
        if mode not in MODES:
            raise StartupError(f"lifespan {mode!r} is unknown; use one of {', '.join(MODES)}")
        self.app = app
        self.mode = mode
        self.state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._started = asyncio.Event()
        self._stopped = asyncio.Event()
        self._failed = False
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Run the app's start-up. Raises StartupError if the app reports or raises a failure."""
        if self.mode == "off":
            return
        error_logger.info("Waiting for application startup.")
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._inbox.put_nowait({"type": "lifespan.startup"})
        await self._started.wait()
        if self._failed:
            raise StartupError("application startup failed, see the lines above")
        if self._error is not None and self.mode == "on":
            raise StartupError(
                "application startup failed: it raised on the lifespan scope "
                "(--lifespan auto would take that as 'no lifespan')"
            )
        error_logger.info("Application startup complete.")

    async def shutdown(self) -> bool:
        """Run the app's shut-down, if it started. Returns False if that failed (it is logged)."""
        if self._task is None or self._has_failed() or self._task.done():
            return True
        error_logger.info("Waiting for application shutdown.")
        self._inbox.put_nowait({"type": "lifespan.shutdown"})
        await self._stopped.wait()
        if self._has_failed():
            error_logger.error("Application shutdown failed.")
            return False
        error_logger.info("Application shutdown complete.")
        return True

    def cancel(self) -> None:
        """Do not wait for the app's shut-down any longer: `shutdown` returns."""
        if self._task is not None:
            self._task.cancel()
        self._stopped.set()

    def _has_failed(self) -> bool:
        return self._failed or self._error is not None

    async def _run(self) -> None:
        scope: dict[str, Any] = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await self.app(scope, self._inbox.get, self._send)
        except BaseException as exc:
            self._error = exc
            if self._failed:
                return
            if self._started.is_set():
                error_logger.error("Exception in 'lifespan' protocol\n", exc_info=exc)
            elif self.mode == "auto":
                error_logger.info("ASGI 'lifespan' protocol appears unsupported.")
            else:
                error_logger.error("Exception in 'lifespan' protocol\n", exc_info=exc)
        finally:
            self._started.set()
            self._stopped.set()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind in ("lifespan.startup.complete", "lifespan.startup.failed"):
            if self._started.is_set():
                raise RuntimeError(_OUT_OF_ORDER)
            self._failed = kind.endswith("failed")
            self._started.set()
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            if not self._started.is_set() or self._stopped.is_set():
                raise RuntimeError(_OUT_OF_ORDER)
            self._failed = kind.endswith("failed")
            self._stopped.set()
        else:
            raise RuntimeError(f"Unexpected ASGI message {kind!r} on the lifespan scope.")
        if self._failed and message.get("message"):
            error_logger.error(message["message"])
