"""Routes for generated requests: parameters of each kind, and a value that comes back as JSON."""

import os
import pickle
from typing import Annotated, Any

from fastapi import Cookie, FastAPI, Header, Query

App: type[FastAPI]
if os.environ.get("COMPARE_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

app = App()


@app.get("/int/{value}")
async def path_int(value: int, q: int = 0):
    return [value, q]


@app.get("/float/{value}")
async def path_float(value: float, q: float = 0.0):
    return [repr(value), repr(q)]


@app.get("/bool/{value}")
async def path_bool(value: bool, q: bool = False):
    return [value, q]


@app.get("/str/{value}")
async def path_str(value: str, q: str = ""):
    return [value, q]


@app.get("/lists")
async def lists(
    i: Annotated[list[int], Query()] = [],  # noqa: B006
    s: Annotated[list[str], Query()] = [],  # noqa: B006
    last: str | None = None,
):
    return {"i": i, "s": s, "last": last}


@app.get("/texts")
async def texts(x_text: Annotated[str, Header()] = "", c: Annotated[str, Cookie()] = ""):
    return [x_text, c]


value: Any = None


@app.post("/remember")
async def remember(hexadecimal: str):
    """Keep a value (pickled by the test that started this server) for /value and /value/def."""
    global value
    value = pickle.loads(bytes.fromhex(hexadecimal))


@app.get("/value")
async def value_async():
    return value


@app.get("/value/def")
def value_def():
    return value
