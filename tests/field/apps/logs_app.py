"""An app that configures logging as apps do, by the variable CONFIGURE, and says things."""

from __future__ import annotations

import json
import logging
import logging.config
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from fastapi import Request
from field_app import App

CONFIGURE = os.environ.get("CONFIGURE", "")
correlation: ContextVar[str] = ContextVar("correlation", default="-")


class Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        shown = {"logger": record.name, "level": record.levelname, "text": record.getMessage()}
        if record.name == "uvicorn.access":
            shown["args"] = record.args
        shown["id"] = getattr(record, "correlation_id", None)
        return json.dumps(shown)


def add_correlation(record: logging.LogRecord) -> bool:
    record.correlation_id = correlation.get()
    return True


def configure() -> None:
    if CONFIGURE == "dict":
        names = ("uvicorn", "uvicorn.error", "uvicorn.access")
        out = {"class": "logging.StreamHandler", "formatter": "j", "stream": "ext://sys.stdout"}
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "formatters": {"j": {"()": Json}},
                "handlers": {"h": out},
                "loggers": {
                    name: {"handlers": ["h"], "level": "INFO", "propagate": False} for name in names
                },
            }
        )
    elif CONFIGURE == "filter":
        access = logging.getLogger("uvicorn.access")
        access.addFilter(lambda record: "/health" not in record.getMessage())
    elif CONFIGURE == "silent":
        logging.getLogger("uvicorn.access").disabled = True
    elif CONFIGURE == "level":
        logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    elif CONFIGURE == "intercept":

        class Intercept(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                print(f"intercepted {record.name} {record.getMessage()}", flush=True)

        for name in [name for name in logging.root.manager.loggerDict if "uvicorn" in name]:
            one = logging.getLogger(name)
            one.handlers, one.propagate = [], True
        logging.root.handlers = [Intercept()]
        logging.root.setLevel(logging.INFO)
    elif CONFIGURE == "correlation":
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(Json())
        handler.addFilter(add_correlation)
        logging.getLogger("uvicorn.access").handlers = [handler]


if os.environ.get("WHEN") != "lifespan":
    configure()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    if os.environ.get("WHEN") == "lifespan":
        configure()
    yield


app = App(lifespan=lifespan)
if CONFIGURE == "correlation":

    class Correlate:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            correlation.set("id-7")
            await self.app(scope, receive, send)

    app.add_middleware(Correlate)


@app.get("/health")
def read_health() -> int:
    return 1


@app.get("/def")
def read_def() -> int:
    return 1


@app.get("/async")
async def read_async() -> int:
    return 1


@app.api_route("/handed/{path:path}")
async def read_handed(path: str, request: Request) -> str:
    return path


@app.get("/say")
async def say() -> int:
    logging.getLogger("uvicorn.error").info("said to uvicorn.error")
    logging.getLogger("uvicorn").info("said to uvicorn")
    return 1


@app.get("/boom")
def boom() -> None:
    raise ValueError("bug")
