"""Headers that every answer has besides its own: ``--header NAME:VALUE``, as Uvicorn's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fasterapi.log import StartupError

__all__ = ["add_headers", "header_lines", "header_pairs"]

Pair = tuple[str, str]

_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})


def header_pairs(given: Iterable[str | Sequence[str]]) -> list[Pair]:
    """Pairs of what is given as "name:value" or as pairs.

    Raises StartupError for something that is neither.
    """
    pairs: list[Pair] = []
    for one in given:
        parts = one.split(":", 1) if isinstance(one, str) else list(one)
        if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise StartupError(f"header {one!r} is not of the form NAME:VALUE")
        name, value = parts[0].strip(), parts[1].strip()
        if not name:
            raise StartupError(f"header {one!r} has no name; it is written as NAME:VALUE")
        pairs.append((name.lower(), value))
    return pairs


def header_lines(pairs: Iterable[Sequence[str]]) -> bytes:
    """These pairs as lines of a head. Raises StartupError for a letter that no header can have, and
    for one that says where an answer ends."""
    lines: list[bytes] = []
    for name, value in pairs:
        if name in _FRAMING:
            raise StartupError(f"header {name!r} is of each answer's framing, which is not yours")
        try:
            lines.append(f"{name}: {value}\r\n".encode("latin-1"))
        except UnicodeEncodeError:
            raise StartupError(f"header {name!r} has a letter that is not of Latin-1") from None
    return b"".join(lines)


def add_headers(core_server: Any, pairs: list[Pair], server_header: bool) -> None:
    """Let the core put these into every answer; one called "server" replaces the core's own.

    Before the start. Raises StartupError that names the one which is wrong.
    """
    if not pairs:
        return
    own = server_header and all(name != "server" for name, _ in pairs)
    try:
        core_server.set_fixed_lines(
            (b"server: fasterapi\r\n" if own else b"") + header_lines(pairs)
        )
    except ValueError as exc:
        raise StartupError(f"header: {exc}") from None
