"""Settings that hold for every test."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# "ci" looks at the same examples in every run, "nightly" at new ones each night (make differential);
# a soak run sets HYPOTHESIS_PROFILE=soak.
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=20_000, deadline=None)
settings.register_profile("soak", max_examples=50_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """`log.configure` is meant for a whole process; undo it after each test."""
    names = ("fasterapi", "fasterapi.access", "fasterapi.error", "uvicorn.asgi")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    yield
    for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate
