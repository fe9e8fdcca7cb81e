"""The loggers' form, levels, and output to streams that are gone."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from fasterapi import log


@pytest.fixture(autouse=True)
def loggers(logging_as_before: None) -> None:
    """Fresh `fasterapi` loggers for one test."""
    for name in ("fasterapi", "fasterapi.access"):
        logging.getLogger(name).handlers.clear()


def test_lines_have_uvicorns_form(capsys):
    log.configure("info")
    log.error_logger.info("hello %s", "you")
    log.error_logger.warning("careful")
    log.error_logger.debug("unseen")
    assert capsys.readouterr().err == "INFO:     hello you\nWARNING:  careful\n"


def test_traceback_of_a_handler(capsys):
    log.configure("error")
    try:
        raise ValueError("bug")
    except ValueError as exc:
        log.log_exception(exc)
    error = capsys.readouterr().err
    assert error.startswith("ERROR:    Exception in ASGI application\n")
    assert error.endswith("ValueError: bug\n")


def test_colours_only_when_asked(capsys):
    log.configure("info", colours=True)
    log.error_logger.info("x")
    assert capsys.readouterr().err == "\x1b[32mINFO\x1b[0m:     x\n"


def test_the_users_own_handlers_are_kept():
    stream = io.StringIO()
    mine = logging.StreamHandler(stream)
    logging.getLogger("fasterapi").addHandler(mine)
    log.configure("warning")
    log.error_logger.warning("kept")
    assert logging.getLogger("fasterapi").handlers == [mine]
    assert stream.getvalue() == "kept\n"


def test_unknown_level():
    with pytest.raises(log.StartupError, match="use one of critical, error"):
        log.configure("loud")


def test_streams_that_are_closed_or_missing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    log.say("nobody hears this", closed)
    monkeypatch.setattr(sys, "stdout", None)
    log.say("nor this")
    log.configure("info", colours=False)
    monkeypatch.setattr(sys, "stderr", None)
    log.error_logger.info("nor this")


def test_exit_with_prints_detail_then_one_line(capsys):
    error = log.exit_with(log.StartupError("no way", detail="Traceback...\n"))
    assert error.code == 3
    assert capsys.readouterr().err == "Traceback...\nerror: no way\n"
