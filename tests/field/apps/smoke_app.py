"""An app that answers, in each tier's way."""

from __future__ import annotations

from field_app import WHO, App

app = App()


@app.get("/who")
async def read_who() -> dict[str, str]:
    return {"who": WHO}
