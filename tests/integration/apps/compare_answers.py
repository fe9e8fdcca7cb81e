"""The comparison app: what handlers return and raise."""

import datetime
import decimal
import pathlib
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from compare_base import (
    STATIC,
    Aliased,
    Colour,
    Inner,
    Item,
    Point,
    User,
    UserWithSecret,
    app,
    both,
)
from fastapi import (
    Body,
    HTTPException,
    Request,
    Response,
)
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)

# -- what a handler returns ------------------------------------------------------------------------

RETURNS: dict[str, Callable[[], Any]] = {
    "dict": lambda: {"id": 1, "name": "Alice"},
    "empty": dict,
    "list": lambda: [1, "two", 3.5, None, True, False],
    "int": lambda: 42,
    "bigint": lambda: 10**40,
    "negative": lambda: [-1, -(2**63), -(2**63) - 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64],
    "str": lambda: "text",
    "float": lambda: 1.5,
    "floats": lambda: [0.1, 1e-7, 1e16, 1e22, 1e15, -0.0, 5e-324, 1.7976931348623157e308, 100.0],
    "true": lambda: True,
    "none": lambda: None,
    "nan": lambda: float("nan"),
    "inf": lambda: {"x": float("inf")},
    "escapes": lambda: '"\\/\b\f\n\r\t\x00\x01\x1f\x7f\u2028\u2029',
    "unicode": lambda: {"ключ": "значение", "emoji": "😀", "e": "é", "cjk": "漢字"},
    "surrogate": lambda: {"x": "\ud800"},
    "nested": lambda: {"a": [{"b": {"c": [[[]]]}}], "d": {}},
    "deep": lambda: _deep(200),
    "tuple": lambda: (1, (2, 3)),
    "set": lambda: {7},
    "frozenset": lambda: frozenset(["a"]),
    "generator": lambda: (n for n in range(3)),
    "bytes": lambda: {"x": b"abc"},
    "badbytes": lambda: {"x": b"\xff"},
    "datetime": lambda: datetime.datetime(2026, 11, 23, 1, 2, 3, 4, tzinfo=datetime.UTC),
    "date": lambda: datetime.date(2026, 1, 2),
    "timedelta": lambda: datetime.timedelta(seconds=1.5),
    "decimal": lambda: [decimal.Decimal("1.10"), decimal.Decimal("2")],
    "uuid": lambda: uuid.UUID(int=5),
    "enum": lambda: {"c": Colour.RED},
    "path": lambda: pathlib.PurePosixPath("/a/b"),
    "model": lambda: Item(name="n", price=1.5, inner=Inner(x=1)),
    "modellist": lambda: [Inner(x=1), Inner(x=2, y=1e-7)],
    "modelalias": lambda: Aliased(firstName="A"),
    "dataclass": lambda: Point(1, 2),
    "intkeys": lambda: {1: "a", 2: "b"},
    "otherkeys": lambda: {None: 1, True: 2, 1.5: 3},
    "sakey": lambda: {"_sa_state": 1, "x": 2},
    "strsubclass": lambda: {"x": _Text("sub")},
    "intsubclass": lambda: {"x": _Number(7)},
    "dictsubclass": lambda: _Mapping(a=1),
    "object": lambda: _Plain(),
    "unserialisable": lambda: {"x": object.__new__(_Slots)},
    "complex": lambda: 1j,
    "exception": lambda: {"x": ValueError("v")},
    "large": lambda: [{"id": n, "text": "é" * 20, "ok": n % 2 == 0} for n in range(2000)],
    "longstr": lambda: "x" * 100_000,
}


class _Text(str):
    pass


class _Number(int):
    pass


class _Mapping(dict[str, int]):
    pass


class _Plain:
    def __init__(self) -> None:
        self.a = 1
        self.b = "two"


class _Slots:
    __slots__ = ("a",)


def _deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _add_return(name: str, make: Callable[[], Any]) -> None:
    def handler():
        return make()

    handler.__name__ = f"return_{name}"
    both(f"/return/{name}")(handler)


for _name, _make in RETURNS.items():
    _add_return(_name, _make)


@both("/model/annotated")
def model_annotated() -> Item:
    return Item(name="n", price=1e-7)


@both("/model/fromdict", response_model=Item)
def model_from_dict():
    return {"name": "n", "price": "2", "tags": ("a",), "surplus": 1}


@both("/model/filtered", response_model=User)
def model_filtered():
    return UserWithSecret(name="n", secret="s")


@both("/model/list", response_model=list[User])
def model_list():
    return [UserWithSecret(name="n", secret="s"), {"name": "m", "secret": "t"}]


@both("/model/unset", response_model=Item, response_model_exclude_unset=True)
def model_unset():
    return Item(name="n", price=1)


@both("/model/excludenone", response_model=Item, response_model_exclude_none=True)
def model_exclude_none():
    return Item(name="n", price=1)


@both("/model/excludedefaults", response_model=Item, response_model_exclude_defaults=True)
def model_exclude_defaults():
    return Item(name="n", price=1, tags=[], note="x")


@both("/model/include", response_model=Item, response_model_include={"name", "price"})
def model_include():
    return Item(name="n", price=1)


@both("/model/exclude", response_model=Item, response_model_exclude={"price"})
def model_exclude():
    return Item(name="n", price=1)


@both("/model/alias", response_model=Aliased)
def model_alias():
    return Aliased(firstName="A", age=3)


@both("/model/noalias", response_model=Aliased, response_model_by_alias=False)
def model_no_alias():
    return Aliased(firstName="A", age=3)


@both("/model/union", response_model=Inner | User)
def model_union():
    return User(name="n")


@both("/model/scalar", response_model=int)
def model_scalar():
    return "12"


@both("/model/dict", response_model=dict[str, float])
def model_dict():
    return {"a": 1, "b": 1e-7, "c": 1e16, "nan": float("nan")}


@both("/model/invalid", response_model=Inner)
def model_invalid():
    return {"x": "not a number"}


@both("/model/none")
def model_none() -> None:
    return None


@both("/status/201", status_code=201)
def status_201():
    return {"created": True}


@both("/status/202", ("POST",), status_code=202)
def status_202(n: Annotated[int, Body()]):
    return n


@both("/status/204", ("DELETE", "GET"), status_code=204)
def status_204():
    return None


@both("/status/304", status_code=304)
def status_304():
    return None


@both("/status/299", status_code=299)
def status_299():
    return {"odd": True}


@both("/status/418", status_code=418)
def status_418():
    return "teapot"


# -- errors ----------------------------------------------------------------------------------------


class TeapotError(Exception):
    pass


@app.exception_handler(TeapotError)
async def teapot(request: Request, exc: TeapotError) -> Response:
    return JSONResponse({"teapot": str(exc)}, status_code=418, headers={"x-teapot": "yes"})


@app.exception_handler(LookupError)
def lookup(request: Request, exc: LookupError) -> Response:
    return PlainTextResponse(f"lookup {request.url.path}", status_code=404)


@both("/error/http/{code}")
def error_http(code: int):
    raise HTTPException(code, detail={"code": code, "list": [1]})


@both("/error/headers")
def error_headers():
    raise HTTPException(401, "no é", headers={"WWW-Authenticate": "Bearer", "X-Two": "2"})


@both("/error/default")
def error_default():
    raise HTTPException(404)


@both("/error/nobody")
def error_nobody():
    raise HTTPException(304)


@both("/error/teapot")
def error_teapot():
    raise TeapotError("short and stout")


@both("/error/key")
def error_key():
    return {}["missing"]


@both("/error/runtime")
def error_runtime():
    raise RuntimeError("handler failed")


@both("/error/afterparams/{n}")
def error_after_params(n: int):
    return 1 / n


# -- returned responses ----------------------------------------------------------------------------


@both("/response/json")
def response_json():
    return JSONResponse({"a": 1}, status_code=203, headers={"x-a": "1"})


@both("/response/plain")
def response_plain():
    return PlainTextResponse("plain é")


@both("/response/html", response_class=HTMLResponse)
def response_html():
    return "<p>é</p>"


@both("/response/plainclass", response_class=PlainTextResponse)
def response_plain_class(n: int = 3):
    return f"n={n}"


@both("/response/bytes")
def response_bytes():
    return Response(b"\x00\xff", media_type="application/octet-stream")


@both("/response/empty")
def response_empty():
    return Response()


@both("/response/204")
def response_204():
    return Response(status_code=204)


@both("/response/redirect")
def response_redirect():
    return RedirectResponse("/a/return/dict?x=1 2")


@both("/response/redirectclass", response_class=RedirectResponse, status_code=303)
def response_redirect_class():
    return "/elsewhere"


@both("/response/cookies")
def response_cookies():
    response = JSONResponse(None)
    response.set_cookie("a", "1", httponly=True, max_age=10)
    response.set_cookie("b", "x y")
    response.set_cookie("c", "", path="/a", samesite="strict", secure=True)
    return response


@both("/response/headers")
def response_headers():
    return Response(b"x", headers={"X-Upper": "V", "content-type": "text/x; a=b", "x-e": "é"})


@both("/response/large")
def response_large():
    return Response(b"0123456789" * 100_000, media_type="application/x-large")


@both("/response/background")
def response_background():
    from starlette.background import BackgroundTask

    return JSONResponse({"b": 1}, background=BackgroundTask(len, "x"))


@both("/response/file")
def response_file():
    return FileResponse(STATIC / "hello.txt", filename="hé.txt")


@both("/response/missingfile")
def response_missing_file():
    return FileResponse(STATIC / "missing.txt")


@both("/response/stream")
def response_stream():
    return StreamingResponse(iter([b"one", b"", b"two"]), media_type="text/plain")


@app.get("/stream/async")
async def stream_async():
    async def parts() -> AsyncIterator[bytes]:
        for n in range(5):
            yield b"%d;" % n

    return StreamingResponse(parts(), headers={"x-stream": "1"})


@app.get("/stream/length")
async def stream_length():
    return StreamingResponse(iter([b"ab", b"cd"]), headers={"content-length": "4"})


@app.get("/stream/large")
async def stream_large():
    return StreamingResponse(b"z" * 5000 for _ in range(100))
