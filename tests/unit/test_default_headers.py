"""Headers for every answer: how they are given, and which cannot be."""

from __future__ import annotations

import pytest

from fasterapi import _native, config
from fasterapi.default_headers import add_headers, header_lines, header_pairs
from fasterapi.log import StartupError


def test_how_they_are_given():
    assert header_pairs(["X-A:1", "b: c:d ", ("E", "f"), ["g", ""]]) == [
        ("x-a", "1"),
        ("b", "c:d"),
        ("e", "f"),
        ("g", ""),
    ]
    assert header_lines([("a", "1"), ("b", "\xe9")]) == b"a: 1\r\nb: \xe9\r\n"


@pytest.mark.parametrize("given", ["x", "", ":", (), ("a",), ("a", "b", "c"), ("a", 1), " :x"])
def test_what_is_no_header(given):
    with pytest.raises(StartupError, match=r"^header .*NAME:VALUE"):
        header_pairs([given])


@pytest.mark.parametrize("name", ["connection", "content-length", "transfer-encoding"])
def test_what_belongs_to_each_answer(name):
    with pytest.raises(StartupError, match=f"header '{name}'"):
        header_lines([(name, "1")])


def test_letters_that_no_header_has():
    with pytest.raises(StartupError, match="header 'x' has a letter"):
        header_lines([("x", "€")])


@pytest.mark.skipif(_native.core is None, reason="needs the C core")
@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("x y", "1"), "'x y: 1'"),
        (("x", "1\r\ny: 2\r\n z"), "' z'"),
        (("x", "a\nb"), "'x: a"),
        (("x", "1" * 8000), "8024 bytes"),
    ],
)
def test_what_the_core_refuses(pair, words):
    server = _native.core.Server(config.resolve_options())
    with pytest.raises(StartupError, match=f"^header: .*{words}"):
        add_headers(server, [pair], True)


@pytest.mark.skipif(_native.core is None, reason="needs the C core")
def test_lines_are_told_before_the_start_only():
    server = _native.core.Server(config.resolve_options())
    for wrong in ("text", None, 5):
        with pytest.raises(TypeError):
            server.set_fixed_lines(wrong)
    server.set_fixed_lines(b"")
    server.set_fixed_lines(b"x: 1\r\n")
