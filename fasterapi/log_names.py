"""The server's loggers: Uvicorn's, which apps, filters and configurations name, and ours, which are
the same objects.

    logging.getLogger("fasterapi.access") is logging.getLogger("uvicorn.access")
"""

from __future__ import annotations

import logging
from typing import Any, Final

__all__ = ["NAMES", "share_names"]

#: Our name of each, and Uvicorn's.
NAMES: Final = {
    "fasterapi": "uvicorn",
    "fasterapi.error": "uvicorn.error",
    "fasterapi.access": "uvicorn.access",
}


class _Loggers(dict[str, Any]):
    """``logging``'s table of loggers, with second names for some.

    Who walks over it sees each logger once: ``dictConfig`` turns off, or resets, the loggers that a
    configuration does not name, and would do so to one that it names by its other name.
    """

    def __contains__(self, name: object) -> bool:
        return super().__contains__(NAMES.get(name, name))  # type: ignore[call-overload]

    def __getitem__(self, name: str) -> Any:
        return super().__getitem__(NAMES.get(name, name))

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(NAMES.get(name, name), default)


def share_names() -> None:
    """Make our names second ones. Idempotent; before anybody asks for them."""
    manager = logging.root.manager
    if isinstance(manager.loggerDict, _Loggers):
        return
    for name in NAMES.values():
        logging.getLogger(name)
    known = {name: one for name, one in manager.loggerDict.items() if name not in NAMES}
    manager.loggerDict = _Loggers(known)
