"""One name of FastAPI's, Starlette's or Pydantic's hidden from FasterAPI, and every command run.

    python hidden_name.py < cases        # in a folder with main.py

A case is a line of JSON, [module, name]; name "" hides the module. Each runs in a process forked from
this one, which has imported FastAPI and what takes long, but not FasterAPI. Only imports of
FasterAPI's own modules miss the name, at whatever time; FastAPI itself is whole. Prints for each
case a line of JSON: [case, what happened].
"""

import builtins
import contextlib
import http.client
import importlib
import io
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
from types import ModuleType
from typing import Any

import anyio._backends._asyncio  # noqa: F401
import rich.live
import rich.table  # noqa: F401
import starlette.testclient  # noqa: F401
import typer  # noqa: F401
import uvloop  # noqa: F401

PATHS = ("/items/3", "/items/x")


class Without:
    """A module as `import a.b` gives it, one name below it hidden."""

    def __init__(self, inner: ModuleType, module: str, name: str) -> None:
        self._hidden = inner, module, name

    def __getattr__(self, attribute: str) -> Any:
        inner, module, name = self._hidden
        if (inner.__name__, attribute) == (module, name) or (
            not name and f"{inner.__name__}.{attribute}" == module
        ):
            raise AttributeError(f"module {inner.__name__!r} has no attribute {attribute!r}")
        value = getattr(inner, attribute)
        if isinstance(value, ModuleType) and module.startswith(value.__name__):
            return Without(value, module, name)
        return value


def hide(module: str, name: str) -> None:
    original = builtins.__import__

    def guarded(
        target: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        found = original(target, globals, locals, fromlist, level)
        own = ((globals or {}).get("__name__") or "").split(".")[0] == "fasterapi"
        if not own or level:
            return found
        if not name and (target == module or target.startswith(module + ".")):
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        if name and target == module and name in (fromlist or ()):
            raise ImportError(f"cannot import name {name!r} from {module!r}", name=module)
        if not fromlist and module.split(".")[0] == target.split(".")[0]:
            return Without(found, module, name)
        return found

    builtins.__import__ = guarded


def command(*words: str) -> tuple[Any, str]:
    """(exit code, what went to stdout) of a command."""
    from fasterapi import cli

    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            cli.main(list(words))
        except SystemExit as exc:
            return exc.code, out.getvalue()
    return None, out.getvalue()


def run_and_stats() -> dict[str, Any]:
    """`run`, answering two requests, while `stats` looks at it."""
    found: dict[str, Any] = {"answers": []}
    signal.signal(signal.SIGTERM, lambda *_: None)  # a server raises it again when it has ended
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        descriptor = os.dup(listener.fileno())

        def client() -> None:
            try:
                for path in PATHS:
                    connection = http.client.HTTPConnection(*address)
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    found["answers"].append([answer.status, answer.read().decode()])
                    connection.close()
                found["stats"] = command("stats", "--json", str(os.getpid()))[0]
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=client)
        thread.start()
        found["run"] = command("run", "main:app", "--fd", str(descriptor))[0]
        thread.join()
    return found


def client_answers() -> list[Any]:
    from main import app

    from fasterapi.testclient import TestClient

    with TestClient(app) as client:
        answers = [client.get(path) for path in PATHS]
    return [[one.status_code, one.text] for one in answers]


def happened(module: str, name: str) -> dict[str, Any]:
    hide(module, name)
    code, text = command("explain", "main:app", "--json")
    found: dict[str, Any] = {"explain": code, "routes": json.loads(text)["routes"]}
    for words in ("explain main:app", "explain main:app --check", "config", "version"):
        found[words] = command(*words.split())[0]
    bench = "bench main:app --path /items/3 --requests 4 --in-flight 2"
    found["bench"] = command(*bench.split())[0]
    if all(one["tier"] != "compiled" for one in found["routes"]):
        found["cost"] = command("explain", "main:app", "--cost")[0]
    found["client"] = client_answers()
    return found | run_and_stats()


def main() -> None:
    sys.path.insert(0, os.getcwd())
    for line in sys.stdin:
        case = json.loads(line)
        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as output:
            pid = os.fork()
            if pid == 0:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                try:
                    result = happened(*case)
                except BaseException:
                    result = {"crash": traceback.format_exc()}
                sys.stderr.flush()
                os.write(writing, json.dumps(result).encode())
                os._exit(0)
            os.close(writing)
            with os.fdopen(reading, "rb") as file:
                result = json.loads(file.read() or b'{"crash": "died"}')
            os.waitpid(pid, 0)
            output.seek(0)
            result["output"] = output.read().decode()
        print(json.dumps([case, result]), flush=True)


if __name__ == "__main__":
    for known in ("fastapi.telemetry._asgi", "fastapi.openapi.utils", "rich.console"):
        with contextlib.suppress(ImportError):  # an older FastAPI
            importlib.import_module(known)
    main()
