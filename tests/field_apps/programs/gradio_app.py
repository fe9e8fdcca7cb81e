"""Gradio mounted in a FastAPI app: text, a stream, a file, an image, and errors."""

from __future__ import annotations

import pathlib
import tempfile
import time
from collections.abc import Iterator

import gradio
from fastapi import FastAPI
from field_probe import carry

folder = pathlib.Path(tempfile.mkdtemp(prefix="field-apps-"))
app = FastAPI()
carry(app)


@app.get("/api/{number}")
def api(number: int) -> dict[str, int]:
    return {"number": number}


def greet(name: str) -> str:
    return f"Hello, {name}!"


def count(to: float) -> Iterator[int]:
    for number in range(int(to)):
        yield number
        time.sleep(0.02)


async def shout(file: str) -> str:
    target = folder / "loud.txt"
    target.write_text(pathlib.Path(file).read_text().upper())
    return str(target)


def fail(text: str) -> str:
    raise gradio.Error("of the function")


with gradio.Blocks(title="Field", analytics_enabled=False) as blocks:
    name = gradio.Textbox(label="Name")
    answer = gradio.Textbox(label="Answer")
    gradio.Button("Greet").click(greet, name, answer, api_name="greet")
    number = gradio.Number(5)
    counted = gradio.Number()
    gradio.Button("Count").click(count, number, counted, api_name="count")
    file, loud = gradio.File(), gradio.File()
    gradio.Button("Shout").click(shout, file, loud, api_name="shout")
    gradio.Button("Fail").click(fail, name, answer, api_name="fail")
    gradio.Image(label="Picture")
    gradio.Markdown("# Field\n" + "text " * 300)

app = gradio.mount_gradio_app(
    app, blocks, path="/gradio", allowed_paths=[str(folder)], ssr_mode=False
)
