"""Which releases of FastAPI, Starlette and Pydantic the plans were tested with.

Any other is served on its own code. Nothing of their inside is named here, so that this holds for
every release that can be imported.
"""

from __future__ import annotations

from collections.abc import Iterator

import fastapi
import pydantic
import starlette

from fasterapi.plan.digest import is_known
from fasterapi.plan.reasons import Reason, reason

__all__ = ["TESTED", "parse_version", "version_reasons"]

#: Distribution -> (first tested version, first version that is not tested).
TESTED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "fastapi": ((0, 165), (0, 166)),
    "starlette": ((1, 10), (1, 11)),
    "pydantic": ((2, 14), (2, 15)),
}


def parse_version(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "0.165.0rc1" gives (0, 165, 0)."""
    numbers: list[int] = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def version_reasons() -> Iterator[Reason]:
    """One for each release that was not tested."""
    installed = {
        "fastapi": fastapi.__version__,
        "starlette": starlette.__version__,
        "pydantic": pydantic.VERSION,
    }
    for name, version in installed.items():
        first, end = TESTED[name]
        if not first <= parse_version(version) < end and not is_known(name):
            low, high = (".".join(map(str, bound)) for bound in (first, end))
            yield reason("version", name=name, version=version, low=low, high=high)
