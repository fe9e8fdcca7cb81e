"""Who may include and import whom."""

import pytest
from c_rules import include_graph, python_only_in_python
from project import expect_none, read
from python_rules import core_importers, import_circles, internals_importers


def test_include_graph():
    expect_none(include_graph(read("csrc/", suffixes=(".c", ".h"))))


@pytest.mark.parametrize(
    ("path", "line", "fine"),
    [
        ("csrc/base/a.c", '#include "http/url.h"', False),
        ("csrc/http/a.c", '#include "json/json_writer.h"', False),
        ("csrc/http/a.c", '#include "server/task.h"', False),
        ("csrc/server/a.h", '# include  "python/compat.h"', False),
        ("csrc/http/a.c", '#include "url.h"', False),
        ("csrc/http/a.c", '#include "../base/span.h"', False),
        (
            "csrc/http/a.c",
            '#include "base/span.h"\n#include "http/url.h"\n#include <stdio.h>',
            True,
        ),
        ("csrc/server/a.c", '#include "queue/queue.h"', True),
        ("csrc/python/a.c", '#include "server/task.h"\n#include "base/span.h"', True),
    ],
)
def test_include_graph_itself(path: str, line: str, fine: bool):
    assert (include_graph({path: line + "\n"}) == []) is fine


def test_only_the_python_folder_includes_python():
    expect_none(python_only_in_python(read("csrc/", suffixes=(".c", ".h"))))


def test_only_the_python_folder_includes_python_itself():
    text = "#include <Python.h>\n"
    assert python_only_in_python({"csrc/server/a.c": text, "csrc/python/a.c": text}) == [
        "csrc/server/a.c: only csrc/python may include Python.h"
    ]


def test_one_importer_of_the_core():
    expect_none(core_importers(read("fasterapi/", suffixes=(".py",))))


@pytest.mark.parametrize(
    "text",
    [
        "import fasterapi._fasterapi_core",
        "from fasterapi import _fasterapi_core as core",
        "from fasterapi._fasterapi_core import Server",
        "from . import _fasterapi_core",
        "import importlib\nimportlib.import_module('fasterapi._fasterapi_core')",
    ],
)
def test_one_importer_of_the_core_itself(text: str):
    assert len(core_importers({"fasterapi/a.py": text})) == 1
    assert core_importers({"fasterapi/_native.py": text}) == []


def test_one_importer_of_the_internals_of_fastapi():
    expect_none(internals_importers(read("fasterapi/", suffixes=(".py",))))


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("from fastapi.routing import APIRoute", False),
        ("import fastapi.dependencies.utils", False),
        ("from fastapi._compat import ModelField", False),
        ("from fastapi import _compat", False),
        ("from starlette._utils import is_async_callable", False),
        ("from fastapi import FastAPI, Depends", True),
        ("from starlette.responses import Response", True),
    ],
)
def test_one_importer_of_the_internals_itself(text: str, fine: bool):
    assert (internals_importers({"fasterapi/asgi.py": text}) == []) is fine
    assert internals_importers({"fasterapi/plan/a.py": text}) == []


def test_no_circle_of_imports():
    expect_none(import_circles(read("fasterapi/", suffixes=(".py",))))


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("import p.a", False),
        ("from p import a", False),
        ("from p.a import thing", False),
        ("def f():\n    from p.a import thing", False),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import p.a", False),
        ("if TYPE_CHECKING:\n    from p.a import thing", True),
        ("from p import thing", True),
    ],
)
def test_no_circle_of_imports_itself(text: str, fine: bool):
    files = {"p/__init__.py": "", "p/a.py": "from p.b import one", "p/b.py": text}
    assert (import_circles(files) == []) is fine
