"""The one place where the core is imported, and why it may be missing."""

from __future__ import annotations

import importlib
import sys

import pytest

from fasterapi import _native


@pytest.mark.parametrize(("value", "hidden"), [("1", True), ("yes", True), ("0", False)])
def test_environment_hides_the_core(value, hidden, monkeypatch):
    monkeypatch.setenv("FASTERAPI_NO_CORE", value)
    monkeypatch.setattr(importlib, "import_module", lambda name: name)
    core, why = _native._load()
    assert (core is None) is hidden
    assert (why == "FASTERAPI_NO_CORE is set") is hidden


def test_other_systems_have_no_core(monkeypatch):
    monkeypatch.delenv("FASTERAPI_NO_CORE", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert _native._load() == (None, "the C core runs on Linux only, this is darwin")


def test_a_broken_build_is_no_import_error(monkeypatch):
    def broken(name: str) -> None:
        raise ImportError("undefined symbol: fa_x")

    monkeypatch.delenv("FASTERAPI_NO_CORE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(importlib, "import_module", broken)
    core, why = _native._load()
    assert core is None
    assert why == "the C core cannot be imported (undefined symbol: fa_x)"
