"""When the access log is records, and what they hold."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from fasterapi import log
from fasterapi.access_records import AccessRecords, is_plain, line_format
from fasterapi.formatters import AccessFormatter

pytestmark = pytest.mark.usefixtures("logging_as_before")


def fresh(monkeypatch: pytest.MonkeyPatch, colours: bool = False) -> logging.Logger:
    """The access logger as `log.configure` leaves it. In the test itself: pytest puts handlers of its
    own on loggers that do not propagate when the test begins."""
    monkeypatch.setattr(sys, "stdout", sys.__stdout__)
    log.access_logger.handlers.clear()
    log.configure("info", colours=colours)
    return log.access_logger


def test_the_logger_as_it_comes_is_plain(monkeypatch: pytest.MonkeyPatch):
    fresh(monkeypatch)
    assert is_plain()
    assert line_format() == "text"
    fresh(monkeypatch, colours=True)
    assert line_format() == "colours"


def test_nobody_has_configured_anything():
    log.access_logger.handlers.clear()
    logging.getLogger().handlers.clear()
    assert is_plain()


CHANGES: dict[str, Callable[[logging.Logger], Any]] = {
    "handler": lambda one: one.addHandler(logging.NullHandler()),
    "no handler": lambda one: (
        one.handlers.clear(),
        logging.getLogger().addHandler(logging.NullHandler()),
    ),
    "filter": lambda one: one.addFilter(lambda record: True),
    "handler's filter": lambda one: one.handlers[0].addFilter(lambda record: True),
    "formatter": lambda one: one.handlers[0].setFormatter(logging.Formatter("%(message)s")),
    "format": lambda one: one.handlers[0].setFormatter(AccessFormatter("%(message)s")),
    "level": lambda one: one.setLevel(logging.WARNING),
    "handler's level": lambda one: one.handlers[0].setLevel(logging.ERROR),
    "disabled": lambda one: setattr(one, "disabled", True),
    "propagate": lambda one: setattr(one, "propagate", True),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_any_change_counts(monkeypatch: pytest.MonkeyPatch, change: str):
    CHANGES[change](fresh(monkeypatch))
    assert not is_plain()


def test_a_patched_logging_counts(monkeypatch: pytest.MonkeyPatch):
    fresh(monkeypatch)
    monkeypatch.setattr(logging.Logger, "callHandlers", lambda self, record: None)
    assert not is_plain()


def test_a_record_factory_counts(monkeypatch: pytest.MonkeyPatch):
    fresh(monkeypatch)
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *args, **kwargs: before(*args, **kwargs))
    try:
        assert not is_plain()
    finally:
        logging.setLogRecordFactory(before)


class FakeCore:
    def __init__(self) -> None:
        self.told: list[int] = []

    def set_access_records(self, fd: int) -> None:
        self.told.append(fd)


class Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_what_comes_through_the_pipe_becomes_records(monkeypatch: pytest.MonkeyPatch):
    logger = fresh(monkeypatch)

    async def main() -> None:
        core, listener = FakeCore(), Listener()
        access = AccessRecords(asyncio.get_running_loop(), core)
        access.look()
        assert core.told == []
        logger.addHandler(listener)
        access.look()
        access.look()
        assert access.active
        (fd,) = core.told
        os.write(fd, b"1.2.3.4:5\tGET\t/a\t1.1\t200\n1.2.3.4:6\tPO")
        while not listener.records:
            await asyncio.sleep(0)
        os.write(fd, b"ST\t/b?c\t1.0\t404\n")
        logger.removeHandler(listener)
        access.look()
        assert core.told == [fd, -1]
        logger.addHandler(listener)
        access.close()
        assert [one.args for one in listener.records] == [
            ("1.2.3.4:5", "GET", "/a", "1.1", 200),
            ("1.2.3.4:6", "POST", "/b?c", "1.0", 404),
        ]
        assert listener.records[0].getMessage() == '1.2.3.4:5 - "GET /a HTTP/1.1" 200'
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)

    asyncio.run(main())


@pytest.mark.parametrize(("client", "address"), [(("::1", 80), "::1:80"), (None, "")])
def test_what_an_app_answers_is_noted(monkeypatch: pytest.MonkeyPatch, client: Any, address: str):
    listener = Listener()
    fresh(monkeypatch).handlers[:] = [listener]
    loop = asyncio.new_event_loop()
    try:
        scope = {
            "client": client,
            "method": "GET",
            "path": "/ä b",
            "query_string": b"q=1",
            "http_version": "1.1",
        }
        AccessRecords(loop, FakeCore()).note(scope, 500)
    finally:
        loop.close()
    (record,) = listener.records
    assert record.args == (address, "GET", "/%C3%A4%20b?q=1", "1.1", 500)
    assert record.name == "uvicorn.access"
