"""The core's frames of WebSocket messages, against wsproto."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import events
from wsproto.connection import Connection, ConnectionType
from wsproto.frame_protocol import Opcode

from fasterapi._native import core

MESSAGES = st.one_of(st.text(max_size=200), st.binary(max_size=200))
SIZES = (0, 1, 7, 8, 9, 125, 126, 127, 4096, 4097, 65535, 65536, 70001)
HEAD = {125: 6, 65535: 8}


def sent(side: ConnectionType, data: str | bytes) -> bytes:
    return Connection(side).send(events.Message(data=data))


def head_size(length: int) -> int:
    return next((head for most, head in HEAD.items() if length <= most), 14)


@given(MESSAGES)
def test_reads_what_wsproto_sends(data: str | bytes):
    frame = sent(ConnectionType.CLIENT, data)
    length = len(data.encode()) if isinstance(data, str) else len(data)
    assert core.websocket_read(b"ab" + frame + b"c", 2) == (data, len(frame) + 2, length)


@given(MESSAGES)
def test_writes_what_wsproto_sends(data: str | bytes):
    assert core.websocket_message(data) == sent(ConnectionType.SERVER, data)


@pytest.mark.parametrize("size", SIZES)
def test_every_length(size: int):
    for data in ("x" * size, bytes(range(256)) * (size // 256) + bytes(size % 256)):
        frame = sent(ConnectionType.CLIENT, data)
        assert core.websocket_read(frame, 0) == (data, len(frame), size)
        assert core.websocket_message(data) == sent(ConnectionType.SERVER, data)


@pytest.mark.parametrize("size", SIZES)
def test_a_part_of_a_frame(size: int):
    frame = sent(ConnectionType.CLIENT, bytes(size))
    for cut in range(head_size(size)):
        assert core.websocket_read(frame[:cut], 0) is None
    if size:
        assert core.websocket_read(frame[:-1], 0) == (frame[0], len(frame), size)


def test_what_is_special_is_not_taken():
    text = sent(ConnectionType.CLIENT, "text")
    for first in (0x01, 0x00, 0x80, 0xC1, 0xA2, 0x83, 0x88, 0x89, 0x8A, 0xFF):
        frame = bytes([first]) + text[1:]
        assert core.websocket_read(frame, 0) == (first, len(text), 4)
    unmasked = sent(ConnectionType.SERVER, "text")
    assert core.websocket_read(unmasked, 0) == (0x80 | Opcode.TEXT, 6, 4)
    broken = sent(ConnectionType.CLIENT, b"\xff\xfe")
    assert core.websocket_read(b"\x81" + broken[1:], 0) == (0x81, len(broken), 2)


def test_a_length_beyond_all_memory():
    head = b"\x82\xff" + b"\xff" * 8 + b"mask"
    what, end, _ = core.websocket_read(head, 0)
    assert what == 1002
    assert end > 2**62


def test_arguments():
    with pytest.raises(ValueError, match="outside"):
        core.websocket_read(b"abc", 4)
    with pytest.raises(ValueError, match="outside"):
        core.websocket_read(b"abc", -1)
    with pytest.raises(TypeError):
        core.websocket_read("abc", 0)
    with pytest.raises(TypeError):
        core.websocket_read(b"abc")
    with pytest.raises(TypeError):
        core.websocket_message(bytearray(b"abc"))
    with pytest.raises(UnicodeEncodeError):
        core.websocket_message("\ud800")
