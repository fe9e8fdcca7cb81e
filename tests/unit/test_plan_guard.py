"""A FastAPI that is different inside: one warning, everything handed over, never a crash.

Each case runs in a process of its own, forked from one that has imported FastAPI but not yet
FasterAPI, with one name of FastAPI's, Starlette's or Pydantic's changed (see test_hidden_names for
those that are gone).
"""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import fasterapi
from fasterapi.plan import plan_app, reason, warn_once

PACKAGE = Path(fasterapi.__file__).parent

SCRIPT = r'''
import asyncio, functools, importlib, json, os, sys, warnings
import fastapi, fastapi.telemetry._asgi, fastapi.openapi.utils, uvloop, typer, logging

def run(module, name, kind):
    """One case: what happened, as a list that main() prints."""
    owner = importlib.import_module(module)
    original = getattr(owner, name, None)
    if kind == "gone":
        delattr(owner, name)
    elif kind == "no-module":
        sys.modules[module] = None
    elif kind == "object":
        setattr(owner, name, object())
    elif kind == "patched":
        setattr(owner, name, functools.wraps(original)(lambda *args, **kw: original(*args, **kw)))
    elif kind == "version":
        fastapi.__version__ = "0.999.0"
    import fasterapi
    from fasterapi import plan
    if kind in ("gone", "object"):  # FastAPI itself is to work: it would have another name
        setattr(owner, name, original)
    if kind == "version":
        from fasterapi.plan import digest
        digest.KNOWN["fastapi"] = frozenset()
    from fasterapi.bench import request_bytes
    from fasterapi.explain import explain
    from fasterapi.server import Server, Settings
    said = []
    class Keep(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())
    logging.getLogger("fasterapi").addHandler(Keep())
    app = fasterapi.FasterAPI()
    @app.get("/items/{item_id}")
    async def read(item_id: int): return {"item_id": item_id}
    report = explain(app)
    async def main():
        answers = []
        for _ in range(2):
            started = asyncio.Event()
            settings = Settings(driven=True, log_level="warning")
            server = Server(app, settings, on_started=lambda _: started.set())
            serving = asyncio.create_task(server.serve())
            waiting = asyncio.create_task(started.wait())
            await asyncio.wait([serving, waiting], return_when="FIRST_COMPLETED")
            if serving.done():
                waiting.cancel()
                await serving
            for path in ("/items/3", "/items/x"):
                request = request_bytes("GET", path)
                load = server.core_server.load
                answers.append((await asyncio.to_thread(load, request, 1, 1, 30.0))[3].decode())
            server.stop()
            await serving
        return answers
    answers = asyncio.run(main())
    row = next(one for one in report["routes"] if one["path"] == "/items/{item_id}")
    return {
        "tier": row["tier"],
        "codes": [one["code"] for one in row["reasons"]],
        "said": [text for text in said if "Nothing is compiled" in text],
        "answers": [answer.splitlines()[0] + answer.partition("\r\n\r\n")[2] for answer in answers],
    }

for line in sys.stdin:
    case = json.loads(line)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = run(*case)
        except BaseException as exc:
            import traceback
            result = {"crash": traceback.format_exc()}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        print(json.dumps([case, json.loads(file.read() or b'{"crash": "died"}')]), flush=True)
    os.waitpid(pid, 0)
'''


def outcomes(cases: list[tuple[str, str, str]]) -> list[tuple[list[str], dict]]:
    text = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", SCRIPT],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(cases)
    return found


def expect_handed_over(found: dict) -> None:
    assert "crash" not in found, found["crash"]
    assert found["tier"] == "fastapi"
    assert len(found["said"]) == 1, found["said"]
    assert found["answers"][0] == 'HTTP/1.1 200 OK{"item_id":3}'
    assert found["answers"][1].startswith("HTTP/1.1 422 ")
    assert found["answers"][2:] == found["answers"][:2]


def test_nothing_changed():
    ((_, found),) = outcomes([("fastapi.routing", "APIRoute", "as it is")])
    assert found["tier"] == "compiled"
    assert found["said"] == []


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (("fastapi._body_limit", "", "no-module"), "internals"),
        (("fastapi.telemetry._asgi", "", "no-module"), "internals"),
        (("fastapi.routing", "_IncludedRouter", "object"), "internals"),
        (("fastapi.routing", "serialize_response", "patched"), "patched"),
        (("fastapi.dependencies.models", "Dependant", "object"), "internals"),
        (("fastapi", "", "version"), "version"),
    ],
    ids=str,
)
def test_changed_otherwise(case, code):
    ((_, found),) = outcomes([case])
    expect_handed_over(found)
    assert code in found["codes"]


def test_planning_that_raises_plans_nothing(monkeypatch):
    def explode(app):
        raise AttributeError("no such thing")

    app = fasterapi.FasterAPI()
    app.get("/x")(lambda: 1)
    monkeypatch.setattr("fasterapi.plan.app._state", explode)
    plan = plan_app(app)
    assert plan.compiled == 0
    assert plan.core_entries(None) == []
    assert plan.is_current(app)
    (why,) = plan.reasons
    assert (why.code, "no such thing" in why.text) == ("internals", True)
    assert plan.verdicts[-1].path == "/x"


def test_the_warning_is_said_once(caplog, monkeypatch):
    monkeypatch.setattr("fasterapi.plan.warn._said", set())
    monkeypatch.setattr(logging.getLogger("fasterapi"), "propagate", True)
    unknown = reason("version", name="fastapi", version="9", low="1", high="2")
    for _ in range(2):
        warn_once([unknown, reason("debug")])
    warn_once([reason("debug")])
    (record,) = caplog.records
    assert "install fastapi>=1,<2" in record.getMessage()
    assert "debug" not in record.getMessage()
