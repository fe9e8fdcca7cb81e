"""Enough of a C parser for the rules: comments away, functions and prototypes found."""

from __future__ import annotations

import dataclasses
import re

__all__ = ["Declaration", "blank", "declarations", "includes"]

TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|^[ \t]*#(?:\\\n|[^\n])*",
    re.DOTALL | re.MULTILINE,
)
NOISE = re.compile(
    r"__attribute__\s*\(\([^;{]*?\)\)|\b(?:FA_[A-Z_]+|PyDoc_STRVAR)\b(?:\s*\([^()]*\))?"
)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Declaration:
    """A function of a C file. `lines` is its length; `comment` the text right before it."""

    name: str
    line: int
    lines: int
    static: bool
    defined: bool
    comment: str


def blank(text: str, keep_directives: bool = False) -> str:
    """The text with comments, strings and directives made blank; every position stays as it is."""

    def spaces(match: re.Match[str]) -> str:
        if keep_directives and match[0].lstrip().startswith("#"):
            return match[0]
        return re.sub(r"[^\n]", " ", match[0])

    return TOKEN.sub(spaces, text)


def includes(text: str) -> list[tuple[bool, str]]:
    """Each #include as (is it one of ours, in quotes; path)."""
    return [(quote == '"', path) for quote, path in INCLUDE.findall(text)]


def _statements(code: str) -> list[tuple[int, int, int, bool]]:
    """What stands outside of braces: (start, end of its head, end, has a body in braces)."""
    found = []
    depth = start = head = 0
    for at, character in enumerate(code):
        if character == "{":
            if depth == 0:
                head = at
            depth += 1
        elif character == "}":
            depth -= 1
            # A body ends here; `= { ... }` and `struct x { ... }` go on to their semicolon.
            if depth == 0 and _is_function(code[start:head]):
                found.append((start, head, at + 1, True))
                start = at + 1
        elif character == ";" and depth == 0:
            found.append((start, at, at, False))
            start = at + 1
    return found


def _is_function(head: str) -> bool:
    head = NOISE.sub(" ", head) if not re.match(r"\s*TEST\s*\(", head) else head
    return "(" in head and "=" not in head and "typedef" not in head.split()


def declarations(text: str) -> list[Declaration]:
    """The functions that a C file declares or defines, outside of macros."""
    code = blank(text)
    found = []
    for start, head, end, defined in _statements(code):
        part = code[start:head]
        if not _is_function(part) or (not defined and "{" in part):
            continue
        words = NOISE.sub(lambda m: " " * len(m[0]), part)
        name = re.search(r"\b([A-Za-z_]\w*)\s*\(", words if "TEST" not in part[:40] else part)
        if name is None or name[1] in ("_Static_assert", "static_assert"):
            continue
        begin = start + len(part) - len(part.lstrip())
        found.append(
            Declaration(
                name=name[1],
                line=text.count("\n", 0, begin) + 1,
                lines=text.count("\n", begin, end) + 1,
                static=re.search(r"\bstatic\b", part) is not None,
                defined=defined,
                comment=text[start:begin],
            )
        )
    return found
