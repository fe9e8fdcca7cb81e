"""Which process answers; a start that fails while the file FAIL is there."""

from __future__ import annotations

import os

from field_app import App

if os.path.exists(os.environ.get("FAIL", "")):
    raise SystemExit(1)

app = App()


@app.get("/pid")
async def pid() -> int:
    return os.getpid()
