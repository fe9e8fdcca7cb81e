"""Inputs that several names or a whole form give, and files that are closed in time. See
test_inputs.py."""

import functools
import os
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from fastapi import (
    BackgroundTasks,
    Cookie,
    Depends,
    File,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    UploadFile,
)
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AliasChoices, AliasPath, BaseModel, Json

if os.environ.get("COMPARE_CLASS") == "fastapi":
    from fastapi import FastAPI as App
else:
    from fasterapi import FasterAPI as App

app = App(form_limits={"max_fields": 6})
log: list[Any] = []
uploads: list[UploadFile] = []


class Filters(BaseModel):
    model_config = {"extra": "forbid"}
    a: int = 1
    many: list[int] = []


class Tokens(BaseModel):
    x_token: str
    x_many: list[str] = []


class Login(BaseModel):
    model_config = {"extra": "allow"}
    name: str
    roles: list[str] = []


class Photo(BaseModel):
    title: str
    image: UploadFile


class CustomError(Exception):
    pass


@app.exception_handler(CustomError)
async def custom(request: Request, exc: CustomError):
    form = await request.form()
    log.append(["handler", [name for name, _ in form.multi_items()], closed()])
    log.append(["same", bool(uploads) and form["file"] in uploads])
    try:
        body = (await request.body()).decode()
    except RuntimeError as error:
        body = str(error)
    return JSONResponse({"custom": str(exc), "body": body}, 418)


def closed() -> list[bool]:
    return [upload.file.closed for upload in uploads]


@app.get("/log")
async def read_log():
    """What was said since the last time, and how many files are still open."""
    said, log[:] = list(log), []
    uploads[:] = [upload for upload in uploads if not upload.file.closed]
    return [said, len(uploads)]


def fail(how: str) -> Any:
    log.append("called")
    if how == "custom":
        raise CustomError("how")
    if how == "http":
        raise HTTPException(403, "no")
    if how == "error":
        raise ZeroDivisionError
    if how == "stream":
        return StreamingResponse(iter([b"a", b"b"]))
    return None


def noted(*files: UploadFile | None) -> list[Any]:
    found = [file for file in files if file is not None]
    uploads.extend(found)
    return [[file.filename, file.size, file.file.read().decode()] for file in found]


def read_query(filters: Annotated[Filters, Query()]):
    return [filters, sorted(filters.model_fields_set)]


def read_header(tokens: Annotated[Tokens, Header()]):
    return tokens


def read_cookie(filters: Annotated[Filters, Cookie()]):
    return filters


def read_maybe(filters: Annotated[Filters | None, Query()] = None):
    return filters


def read_names(
    a: Annotated[int, Query(validation_alias=AliasChoices("b", "c"))],
    d: Annotated[int, Query(validation_alias=AliasPath("e", 0))] = 0,
):
    return [a, d]


def read_json(
    data: Annotated[Json[list[int]] | None, Query()] = None,
    one: Annotated[Json[dict[str, int]], Header()] = "{}",  # type: ignore[assignment]
):
    return [data, one]


def read_cookie_list(many: Annotated[list[str], Cookie()] = ["none"]):  # noqa: B006
    return many


def read_path(number: bool, text: int):
    return [number, text]


def read_form(
    name: Annotated[str, Form()],
    how: str = "",
    many: Annotated[list[int], Form()] = [],  # noqa: B006
    other: Annotated[int, Form(alias="o-ther")] = 3,
):
    return fail(how) or [name, many, other]


def read_form_model(login: Annotated[Login, Form()], request: Request):
    return [login, request.headers.get("x")]


def shared(name: Annotated[str, Form()], token: Annotated[str, Form()] = "t") -> str:
    return name + token


def read_form_below(both: Annotated[str, Depends(shared)], login: Annotated[Login, Form()]):
    return [both, login]


def read_bytes(file: Annotated[bytes, File()], note: Annotated[str, Form()] = ""):
    return [file.decode("latin-1"), note]


def read_upload(
    file: UploadFile,
    background: BackgroundTasks,
    how: str = "",
    more: Annotated[list[UploadFile], File()] = [],  # noqa: B006
):
    found = noted(file, *more)
    if how == "background":
        background.add_task(lambda: log.append(["task", closed()]))
    return fail(how) or found


def start_of(file: UploadFile) -> str:
    return file.file.read(2).decode()


def read_rest(
    start: Annotated[str, Depends(start_of)],
    file: Annotated[bytes, File()],
    note: Annotated[str, Form()] = "",
):
    return [start, file.decode(), note]


def read_photo(photo: Annotated[Photo, Form()]):
    return [photo.title, noted(photo.image)]


def opened(file: UploadFile) -> Iterator[UploadFile]:
    log.append("open")
    try:
        yield file
    finally:
        log.append(["close", closed()])


def read_opened(file: Annotated[UploadFile, Depends(opened)], how: str = ""):
    return [noted(file), fail(how)]


READERS = {
    "GET": {
        "/query": read_query,
        "/header": read_header,
        "/cookie": read_cookie,
        "/maybe": read_maybe,
        "/names": read_names,
        "/json": read_json,
        "/cookie-list": read_cookie_list,
        "/path/{number:int}/{text:float}": read_path,
    },
    "POST": {
        "/form": read_form,
        "/form/model": read_form_model,
        "/form/below": read_form_below,
        "/bytes": read_bytes,
        "/upload": read_upload,
        "/rest": read_rest,
        "/photo": read_photo,
        "/opened": read_opened,
    },
}


def as_async(function: Any) -> Any:
    """The same as an ``async def``."""

    @functools.wraps(function)
    async def call(**values: Any) -> Any:
        return function(**values)

    return call


for method, readers in READERS.items():
    for path, reader in readers.items():
        app.api_route(f"/def{path}", methods=[method])(reader)
        app.api_route(f"/async{path}", methods=[method])(as_async(reader))


@app.post("/upload/stream")
async def upload_stream(file: UploadFile) -> AsyncIterator[list[Any]]:
    yield noted(file)
    log.append(["streamed", closed()])


@app.post("/form/stream")
def form_stream(name: Annotated[str, Form()], request: Request) -> Iterator[list[str]]:
    yield [name, *[key for key, _ in (request._form or {}).multi_items()]]


@app.post("/upload/request")
async def upload_request(request: Request, file: UploadFile, how: str = ""):
    form = await request.form()
    noted(file)
    fail(how)
    return [form["file"] is file, [name for name, _ in form.multi_items()]]


@app.get("/letter")
async def letter(request: Request):
    return [bytes([81]).decode(), len(request.headers)]
