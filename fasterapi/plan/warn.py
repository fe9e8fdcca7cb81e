"""The one warning about a FastAPI that the plans do not know."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from fasterapi.plan.reasons import Reason

__all__ = ["PROCESS_CODES", "warn_once"]

#: Reasons that hold for every app of the process, whatever it does.
PROCESS_CODES: Final = frozenset({"internals", "patched", "version"})

_said: set[str] = set()


def warn_once(reasons: Iterable[Reason]) -> None:
    """Log why FastAPI answers everything in this process, if that is so. Once for each reason.

    Reasons of one app only are not logged: `fasterapi explain` has them. Any thread.
    """
    texts = [one.text for one in reasons if one.code in PROCESS_CODES and one.text not in _said]
    if texts:
        _said.update(texts)
        logging.getLogger("fasterapi").warning(
            "Nothing is compiled, FastAPI's own code answers every request: %s", " ".join(texts)
        )
