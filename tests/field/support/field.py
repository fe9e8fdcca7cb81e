"""The two servers of a field test: ours, and Uvicorn beside it, told the same in their own flags."""

from __future__ import annotations

import math
import os
import pathlib
import signal
import sys

from live_server import LiveServer

__all__ = ["SERVERS", "Served", "start"]

SERVERS = ("fasterapi", "uvicorn")
_HERE = pathlib.Path(__file__).resolve().parent
_APPS = _HERE.parent / "apps"

#: Our flags that Uvicorn has under another name. None: it has no such thing, and does without.
_RENAMED: dict[str, str | None] = {
    "--graceful-timeout": "--timeout-graceful-shutdown",
    "--keep-alive-timeout": "--timeout-keep-alive",
    "--worker-threads": None,
    "--header-timeout": None,
    "--body-timeout": None,
    "--send-timeout": None,
    "--queue-size": None,
    "--workers-lifetime": None,
    "--workers-max-rss": None,
    "--queue-timeout": None,
    "--forwarded-prefix": None,
    "--max-body-size": None,
    "--max-stream-size": None,
    "--body-budget": None,
}
#: Those that have no value.
_SWITCHES = {"--forwarded-prefix"}
#: Those of which it takes whole seconds only.
_WHOLE_SECONDS = {"--timeout-graceful-shutdown", "--timeout-keep-alive"}


class Served(LiveServer):
    """A running server. who: "fasterapi" or "uvicorn"."""

    who: str

    def end(self) -> None:
        """End it after the test. Ours must end in order; Uvicorn need not, and is not waited for."""
        if self.who == "uvicorn" and self.process.poll() is None:
            for pid in [*self.children(), self.pid]:
                os.kill(pid, signal.SIGKILL)
        self.stop()


def start(who: str, app: str, *options: str, **environment: str) -> Served:
    """Serve `app` of a file of tests/field/apps on a free port; returns once it listens.

    options: flags of `fasterapi run`; Uvicorn gets its own names for them (see `_RENAMED`).
    """
    module = app.removesuffix(".py")
    target = module if ":" in module else f"{module}:app"
    command = [sys.executable, "-m", "fasterapi", "run", target]
    if who == "uvicorn":
        command = [sys.executable, "-m", "uvicorn", target]
        options = tuple(_translated(options))
    has_port = not {"--port", "--uds", "--fd"}.intersection(options)
    path = os.pathsep.join([str(_APPS), str(_HERE)])
    server = Served(
        [*command, *options, *(["--port", "0"] if has_port else [])],
        {"FIELD_SERVER": who, "PYTHONPATH": path, **environment},
    )
    server.who = who
    if has_port:
        try:
            server.learn_address()
        except BaseException:
            server.stop()
            raise
    return server


def _translated(options: tuple[str, ...]) -> list[str]:
    words: list[str] = []
    rest = iter(options)
    for option in rest:
        name = _RENAMED.get(option, option)
        if name is None:
            if option not in _SWITCHES:
                next(rest)
            continue
        words.append(name)
        if name in _WHOLE_SECONDS:
            words.append(str(math.ceil(float(next(rest)))))
    return words
