"""The only importer of the C core.

Everything else asks this module: ``core`` is the module ``fasterapi._fasterapi_core`` or None, and
``why_no_core`` says in words why it is None. ``FASTERAPI_NO_CORE=1`` hides the core, which is how
the Uvicorn path is tested on Linux.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

__all__ = ["core", "why_no_core"]


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


core: Any
why_no_core: str | None
core, why_no_core = _load()
