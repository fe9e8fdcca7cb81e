"""docs/reference/core.md: every example runs, and every class has one."""

from __future__ import annotations

import re

import pytest
from project import ROOT

from fasterapi import _native

pytestmark = pytest.mark.skipif(_native.core is None, reason="needs the core")
PAGE = (ROOT / "docs/reference/core.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NAMES = (
    "SPSCQueue",
    "MPMCQueue",
    "LockedQueue",
    "DictPool",
    "TuplePool",
    "BufferPool",
    "JSONBuilder",
    "ZeroCopyResponse",
    "Router",
    "parse_request",
)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number):
    exec(compile(EXAMPLES[number], f"example {number + 1}", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("name", NAMES)
def test_has_an_example(name):
    assert any(f"core.{name}(" in example for example in EXAMPLES)


def methods(cls):
    return [name for name in vars(cls) if not name.startswith("_")]


def test_every_method_is_named_on_the_page():
    classes = [getattr(_native.core, name) for name in NAMES if name != "parse_request"]
    classes += [_native.core.PooledBuffer, _native.core.ParsedRequest]
    missing = [
        f"{cls.__name__}.{name}"
        for cls in classes
        for name in methods(cls)
        if not name.startswith("n_") and not re.search(rf"\b{name}\b", PAGE)
    ]
    assert missing == []
