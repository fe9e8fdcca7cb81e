"""The opening handshake of a WebSocket (RFC 6455, section 4), whatever bytes the client sends."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from wsproto.extensions import PerMessageDeflate

from fasterapi.stream import Headers

__all__ = [
    "TOKEN",
    "Handshake",
    "HandshakeError",
    "agree_on_compression",
    "parse_handshake",
]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class HandshakeError(Exception):
    """The client's opening handshake is wrong: `status` and a fixed text say how."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Handshake:
    """A valid opening handshake: its answer key, offered subprotocols and extensions."""

    __slots__ = ("accept", "extensions", "subprotocols")

    def __init__(self, accept: bytes, subprotocols: list[str], extensions: list[str]) -> None:
        self.accept = accept
        self.subprotocols = subprotocols
        self.extensions = extensions


def _comma_list(values: Iterable[bytes], what: str) -> list[str]:
    """Split comma-separated header lines into stripped, non-empty ASCII pieces."""
    pieces: list[str] = []
    for value in values:
        for piece in value.split(b","):
            piece = piece.strip(b" \t")
            if piece:
                try:
                    pieces.append(piece.decode("ascii"))
                except UnicodeDecodeError:
                    raise HandshakeError(f"Invalid {what}") from None
    return pieces


def parse_handshake(method: str, headers: Headers) -> Handshake:
    """Check an opening handshake (RFC 6455, 4.2.1), any bytes in any header.

    Raises an exception with `status` (400 or 426) for a wrong one.
    """
    if method != "GET":
        raise HandshakeError("A WebSocket handshake must be a GET request")
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name.startswith(b"sec-websocket-"):
            found.setdefault(name, []).append(value)
        elif name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            # Its bytes would be taken for the first frames.
            raise HandshakeError("A WebSocket handshake must not have a body")
    versions = found.get(b"sec-websocket-version", [])
    if not versions:
        raise HandshakeError("Missing Sec-WebSocket-Version")
    if versions != [b"13"]:
        raise HandshakeError("Unsupported Sec-WebSocket-Version", 426)
    keys = found.get(b"sec-websocket-key", [])
    if len(keys) != 1:
        raise HandshakeError("Missing or repeated Sec-WebSocket-Key")
    key = keys[0].strip()
    try:
        nonce = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        nonce = b""
    if len(nonce) != 16:
        raise HandshakeError("Invalid Sec-WebSocket-Key")
    subprotocols = _comma_list(found.get(b"sec-websocket-protocol", []), "Sec-WebSocket-Protocol")
    for item in subprotocols:
        if TOKEN.fullmatch(item.encode("ascii")) is None:
            raise HandshakeError("Invalid Sec-WebSocket-Protocol")
    extensions = _comma_list(found.get(b"sec-websocket-extensions", []), "Sec-WebSocket-Extensions")
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    return Handshake(base64.b64encode(digest), subprotocols, extensions)


def agree_on_compression(offers: list[str]) -> tuple[list[PerMessageDeflate], bytes | None]:
    """Pick the first permessage-deflate offer that can be accepted: (extensions, answer)."""
    for offer in offers:
        if offer.split(";", 1)[0].strip() != PerMessageDeflate.name:
            continue
        deflate = PerMessageDeflate()
        try:
            accepted = deflate.accept(offer)
        except ValueError:
            # A window size that is no number.
            continue
        if isinstance(accepted, str):
            answer = PerMessageDeflate.name + (f"; {accepted}" if accepted else "")
            return [deflate], answer.encode("ascii")
    return [], None
