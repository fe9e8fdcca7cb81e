"""Compiled routes behind compiled middleware, for headers that every answer has."""

from fastapi import HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware

from fasterapi import FasterAPI

app = FasterAPI()
app.add_middleware(GZipMiddleware, minimum_size=2000)
app.add_middleware(CORSMiddleware, allow_origins=["*"])


@app.get("/small")
async def small() -> dict[str, str]:
    return {"a": "b"}


@app.get("/large")
def large() -> list[str]:
    return ["x" * 50] * 400


@app.get("/object")
async def made() -> Response:
    return Response("o" * 1500, headers={"x-own": "1" * 200})


@app.get("/refused")
async def refused() -> None:
    raise HTTPException(418, headers={"x-why": "tea"})
