"""A name of FastAPI's inside that is gone is a reason in every command, never a traceback.

Each name that the package takes from FastAPI, Starlette and Pydantic is hidden in turn, and so is
each module. The names are read from the sources, so that a new one is in it.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from live_server import LiveServer
from wire import exchange

import fasterapi
from fasterapi.plan import fingerprint

PACKAGE = Path(fasterapi.__file__).parent
SCRIPT = Path(__file__).parent / "support" / "hidden_name.py"
OTHERS = ("fastapi", "starlette", "pydantic", "pydantic_core")
#: What these packages are for their users: there is no FastAPI without.
PUBLIC = {
    *(("fastapi", None), ("starlette", None), ("pydantic", None)),
    ("starlette.testclient", ""),
    ("starlette.testclient", "TestClient"),
}
APP = """
from fastapi import FastAPI
app = FastAPI(openapi_url=None)
@app.get("/items/{item_id}")
async def read(item_id: int): return {"item_id": item_id}
"""


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def nodes(tree: ast.AST) -> list[ast.AST]:
    """All that runs, from the outside in."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if is_for_types(child):
            for one in child.orelse:  # type: ignore[attr-defined]
                found += [one, *nodes(one)]
        else:
            found += [child, *nodes(child)]
    return found


def dotted(node: ast.AST) -> str:
    """ "a.b.c" of an expression that is written so, else ""."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (start := dotted(node.value)):
        return f"{start}.{node.attr}"
    return ""


def names_of(path: Path) -> set[tuple[str, str]]:
    """(module, name) of all that a file takes from the others; (module, "") of their modules."""
    found: set[tuple[str, str]] = set()
    modules: set[str] = set()
    tree = nodes(ast.parse(path.read_text()))
    for node in tree:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.split(".")[0] in OTHERS:
                modules.add(node.module)
                found |= {(node.module, one.name) for one in node.names}
        elif isinstance(node, ast.Import):
            modules |= {one.name for one in node.names if one.name.split(".")[0] in OTHERS}
    for node in tree:
        module, _, name = dotted(node).rpartition(".")
        if module in modules and f"{module}.{name}" not in modules:
            found.add((module, name))
    return found | {(module, "") for module in modules if "." in module}


def all_names() -> list[tuple[str, str]]:
    found = set().union(*(names_of(path) for path in PACKAGE.rglob("*.py")))
    watched = [(owner, name) for _, owner, name in fingerprint._WATCHED]
    found |= {
        (owner.__name__, name)
        for owner, name in watched
        if isinstance(owner, ModuleType) and owner.__name__.split(".")[0] in OTHERS
    }
    public = {one for one in found if one in PUBLIC or (one[0], None) in PUBLIC}
    return sorted(found - public)


def run(folder: Path, cases: list[tuple[str, str]]) -> list[tuple[list[str], dict]]:
    (folder / "main.py").write_text(APP)
    done = subprocess.run(
        [sys.executable, "-P", SCRIPT],
        input="".join(json.dumps(case) + "\n" for case in cases),
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    assert len(found) == len(cases)
    return found


def check(case: list[str], found: dict) -> str:
    """The tier of the app's route, if all is as it must be."""
    assert "crash" not in found, found["crash"]
    output = found["output"]
    assert "Traceback" not in output, output
    codes = {name: value for name, value in found.items() if isinstance(value, int)}
    cost = codes.pop("cost", 3)
    assert set(codes.values()) == {0}, (codes, output)
    assert set(found) >= {"run", "stats", "bench", "config", "version", "explain main:app"}
    assert cost in (0, 3), output  # 3: no request can be made up, in one line
    for answers in (found["answers"], found["client"]):
        (good, body), (bad, _) = answers
        assert (good, json.loads(body), bad) == (200, {"item_id": 3}, 422)
    (route,) = found["routes"]
    said = output.count("Nothing is compiled")
    if route["tier"] != "compiled":
        (why,) = route["reasons"]
        assert why["code"] == "internals"
        assert (case[1] or case[0].rpartition(".")[2]) in why["text"]
        assert said == 1, output
    else:
        assert said <= 1, output
    return route["tier"]


def test_the_names_are_found():
    names = all_names()
    assert ("fastapi.routing", "_IncludedRouter") in names
    assert ("fastapi.routing", "get_request_handler") in names  # an attribute of the module
    assert ("fastapi._body_limit", "") in names
    assert ("fastapi.routing", "serialize_response") in names  # only looked at
    assert ("fastapi", "Request") not in names
    assert len(names) > 100


def test_nothing_hidden(tmp_path):
    ((case, found),) = run(tmp_path, [("fastapi.routing", "no_such_name")])
    assert check(case, found) == "compiled"


@pytest.mark.parametrize("words", [["run", "--workers", "2"], ["dev"]])
def test_processes_of_their_own_say_it_once(tmp_path, words):
    (tmp_path / "main.py").write_text(APP)
    (tmp_path / "sitecustomize.py").write_text(
        "import hidden_name\nhidden_name.hide('fastapi.routing', 'iter_route_contexts')\n"
    )
    path = os.pathsep.join(map(str, (tmp_path, SCRIPT.parent, PACKAGE.parent)))
    command = [sys.executable, "-m", "fasterapi", *words, "main:app", "--port", "0"]
    server = LiveServer(command, {"PYTHONPATH": path})
    try:
        server.learn_address()
        for _ in range(4):  # either worker
            answer = exchange(server.address, b"GET /items/3 HTTP/1.1\r\nHost: h\r\n\r\n")
            assert answer.body == b'{"item_id":3}'
    finally:
        server.stop()
    assert "Traceback" not in server.output
    assert "1 endpoint, as fast as FastAPI: 1. Mostly because: " in server.output
    assert server.output.count("Nothing is compiled") == 1, server.output


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_hidden_name_is_a_reason_in_every_command(tmp_path, part):
    names = all_names()[part::4]
    failures = []
    tiers = []
    for case, found in run(tmp_path, names):
        try:
            tiers.append(check(case, found))
        except AssertionError as exc:
            failures.append(f"{case}: {exc}")
    assert not failures, "\n".join(failures)
    assert tiers.count("fastapi") > len(tiers) / 2
