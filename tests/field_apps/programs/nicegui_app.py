"""NiceGUI in a FastAPI app: a page with what most pages have, a download, an upload, a timer."""

from __future__ import annotations

import pathlib
import tempfile

from fastapi import FastAPI
from field_probe import carry
from nicegui import app as inner
from nicegui import events, ui

folder = pathlib.Path(tempfile.mkdtemp(prefix="field-apps-"))
(folder / "note.txt").write_text("a note\n" * 500)
(folder / "film.mp4").write_bytes(bytes(range(256)) * 4000)

app = FastAPI()
carry(app)


@app.get("/api/{number}")
def api(number: int) -> dict[str, int]:
    return {"number": number}


inner.add_static_files("/notes", str(folder))
inner.add_media_files("/films", str(folder))


@ui.page("/")
def page() -> None:
    heard = ui.label("heard nothing")

    async def uploaded(event: events.UploadEventArguments) -> None:
        heard.set_text(f"heard {len(await event.file.read())} bytes")

    ui.button("Press", on_click=lambda: heard.set_text("heard a press"))
    ui.input("Name", on_change=lambda event: heard.set_text(f"heard {event.value}"))
    ui.upload(on_upload=uploaded)
    ui.link("note", "/notes/note.txt")
    ui.markdown("# A page\n\n" + "text " * 300)
    ui.table(rows=[{"a": number} for number in range(30)])
    inner.storage.user["visits"] = inner.storage.user.get("visits", 0) + 1


@ui.page("/long/{count}")
async def long(count: int) -> None:
    for number in range(count):
        ui.label(f"label {number}")


@ui.page("/wrong")
def wrong() -> None:
    raise RuntimeError("of the page")


ui.run_with(app, storage_secret="a secret", show_welcome_message=False)
