"""Apps that nobody edits, and tools that know nothing of us."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest
from field import Served
from wire import exchange

APPS = pathlib.Path(__file__).parent / "apps"
SUPPORT = pathlib.Path(__file__).parent / "support"
Serve = Callable[..., Served]


def ask(server: Served, method: str, path: str, body: bytes = b"") -> Any:
    head = f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    answer = exchange(server.address, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def expect_fast(server: Served, prefix: str = "") -> None:
    given, way = ask(server, "GET", f"{prefix}/way/3")
    name, way_of_post = ask(server, "POST", f"{prefix}/items", b'{"name": "pen"}')
    assert (given, name) == ("3", "pen")
    if server.who == "fasterapi":
        assert (way, way_of_post) == ("plan", "plan")


@pytest.mark.kind("a plain FastAPI app, a subclass of it and a factory's are served fast, unedited")
@pytest.mark.parametrize(
    ("target", "flags"),
    [
        ("noedit_app:app", []),
        ("noedit_app:company", []),
        ("noedit_app:create_app", []),
        ("noedit_app:create_app", ["--factory"]),
    ],
)
def test_an_app_as_it_is(serve: Serve, target: str, flags: list[str]):
    expect_fast(serve(target, *flags))


@pytest.mark.kind("plain apps behind middleware, mounted, and in several processes are fast")
def test_apps_inside_an_app_as_it_is(serve: Serve, who: str):
    # Uvicorn's processes do not say which port they have got.
    server = serve("noedit_app:nested", *(["--workers", "2"] if who == "fasterapi" else []))
    for prefix in ("", "/mounted", "/v1/routed"):
        expect_fast(server, prefix)


@pytest.mark.kind("a process-wide swap of fastapi.FastAPI serves apps that nobody can edit")
def test_a_swap_in_sitecustomize(serve: Serve, tmp_path: pathlib.Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import fastapi, fasterapi\nfastapi.FastAPI = fasterapi.FasterAPI\n"
    )
    path = os.pathsep.join(map(str, (tmp_path, APPS, SUPPORT)))
    expect_fast(serve("noedit_app:app", PYTHONPATH=path))


@pytest.mark.kind("a tool that the app starts sees every request: a class, or functions, replaced")
@pytest.mark.parametrize("edited", ["", "1"])
def test_tools_see_every_request(serve: Serve, edited: str):
    server = serve("noedit_tools.py", TOOLS="class function", EDITED=edited)
    for path in ("/read", "/sync"):
        ask(server, "GET", path)
    assert ask(server, "GET", "/seen") == [
        *("class /read", "function read", "class /sync", "function sync"),
        *("class /seen", "function seen"),
    ]


@pytest.mark.kind("a Pydantic plugin that is installed but listens to nothing costs nothing")
def test_an_idle_plugin(serve: Serve, tmp_path: pathlib.Path):
    info = tmp_path / "idle_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: idle-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pydantic]\nidle = idle_plugin:plugin\n")
    (tmp_path / "idle_plugin.py").write_text(
        "class Idle:\n"
        "    def new_schema_validator(self, *args):\n"
        "        print('the plugin is asked', flush=True)\n"
        "        return None, None, None\n"
        "plugin = Idle()\n"
    )
    path = os.pathsep.join(map(str, (tmp_path, APPS, SUPPORT)))
    server = serve("noedit_app:app", PYTHONPATH=path)
    server.wait_for_line("the plugin is asked")
    expect_fast(server)
