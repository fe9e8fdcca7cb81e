"""What every app of the field tests starts with: the same file is served by both servers."""

from __future__ import annotations

import os

__all__ = ["WHO", "App"]

#: Who serves this app: "fasterapi" or "uvicorn".
WHO = os.environ["FIELD_SERVER"]

if WHO == "fasterapi":
    from fasterapi import FasterAPI as App
else:
    from fastapi import FastAPI as App
