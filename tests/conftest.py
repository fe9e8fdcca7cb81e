"""Settings that hold for every test."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from field_score import pytest_terminal_summary
from hypothesis import settings

__all__ = ["pytest_terminal_summary"]

# "ci" looks at the same examples in every run, "nightly" at new ones each night (make differential);
# a soak run sets HYPOTHESIS_PROFILE=soak.
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=20_000, deadline=None)
settings.register_profile("soak", max_examples=50_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """`log.configure` and log files are meant for a whole process; undo them after each test."""
    names = ("fasterapi", "fasterapi.access", "fasterapi.error", "uvicorn.asgi")
    loggers = [logging.getLogger(), *map(logging.getLogger, names)]
    before = [
        (one.level, one.handlers[:], one.propagate, one.filters[:], one.disabled) for one in loggers
    ]
    yield
    for one, (level, handlers, propagate, filters, disabled) in zip(loggers, before, strict=True):
        one.setLevel(level)
        one.handlers[:] = handlers
        one.propagate = propagate
        one.filters[:] = filters
        one.disabled = disabled
