"""Uvicorn's loggers and ours are the same objects, and a configuration treats them as one."""

from __future__ import annotations

import logging
import logging.config
from collections.abc import Iterator

import pytest

from fasterapi.log_names import NAMES, share_names


@pytest.fixture(autouse=True)
def loggers() -> Iterator[None]:
    found = [logging.getLogger(name) for name in NAMES]
    before = [(one.level, one.handlers[:], one.propagate, one.disabled) for one in found]
    yield
    for one, (level, handlers, propagate, disabled) in zip(found, before, strict=True):
        one.setLevel(level)
        one.handlers[:] = handlers
        one.propagate, one.disabled = propagate, disabled


@pytest.mark.parametrize("name", list(NAMES))
def test_both_names_are_one_logger(name: str):
    share_names()
    assert logging.getLogger(name) is logging.getLogger(NAMES[name])
    assert logging.getLogger(name).name == NAMES[name]
    assert logging.root.manager.loggerDict[name] is logging.getLogger(name)
    assert name in logging.root.manager.loggerDict
    assert logging.root.manager.loggerDict.get(name) is logging.getLogger(name)


def test_who_walks_over_the_loggers_sees_each_once():
    walked = list(logging.root.manager.loggerDict)
    assert set(NAMES.values()) <= set(walked)
    assert not set(NAMES) & set(walked)


def test_a_child_of_our_name_is_an_ordinary_logger():
    child = logging.getLogger("fasterapi.error.mine")
    assert child.name == "fasterapi.error.mine"
    assert child.parent is logging.getLogger("uvicorn.error")


@pytest.mark.parametrize("name", ["fasterapi.access", "uvicorn.access"])
def test_a_configuration_may_use_either_name(name: str):
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"h": {"class": "logging.NullHandler"}},
        "loggers": {name: {"handlers": ["h"], "level": "WARNING"}},
    }
    logging.config.dictConfig(config)
    logger = logging.getLogger("uvicorn.access")
    assert logger.level == logging.WARNING
    assert type(logger.handlers[0]) is logging.NullHandler
    assert not logger.disabled


def test_naming_uvicorns_logger_does_not_turn_it_off_by_its_other_name():
    config = {
        "version": 1,  # and disable_existing_loggers as it is by default
        "handlers": {"h": {"class": "logging.NullHandler"}},
        "loggers": {"uvicorn.access": {"handlers": ["h"]}},
    }
    others = [
        one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)
    ]
    before = [one.disabled for one in others]
    try:
        logging.config.dictConfig(config)
        assert not logging.getLogger("uvicorn.access").disabled
        assert not logging.getLogger("fasterapi.access").disabled
    finally:
        for one, disabled in zip(others, before, strict=True):
            one.disabled = disabled
