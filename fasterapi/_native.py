"""The only importer of the C core.

Everything else asks this module: ``core`` is the module ``fasterapi._fasterapi_core`` or None, and
``why_no_core`` says in words why it is None. ``FASTERAPI_NO_CORE=1`` hides the core, which is how
the Uvicorn path is tested on Linux.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
from typing import Any

__all__ = ["core", "say_no_core", "why_no_core"]


def _load() -> tuple[Any, str | None]:
    """Import the core once. Returns (module, None) or (None, reason). Never raises ImportError."""
    if os.environ.get("FASTERAPI_NO_CORE", "") not in ("", "0"):
        return None, "FASTERAPI_NO_CORE is set"
    if sys.platform != "linux":
        return None, f"the C core runs on Linux only, this is {sys.platform}"
    try:
        return importlib.import_module("fasterapi._fasterapi_core"), None
    except ImportError as exc:
        return None, f"the C core cannot be imported ({exc})"


@functools.cache
def say_no_core() -> None:
    """Log that there is only FastAPI's own code, once in this process. Any thread."""
    logging.getLogger("fasterapi.error").warning(
        "FasterAPI without its C core (%s): the app is plain FastAPI", why_no_core
    )


core: Any
why_no_core: str | None
core, why_no_core = _load()
