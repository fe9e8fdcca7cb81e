"""What all generators share: choices, names that are new, and the text that is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

__all__ = ["PRELUDE", "Maker", "indent"]

T = TypeVar("T")

#: The first lines of every program. `log` notes where it is called: on the loop, in a task, in a
#: thread, and what a context variable says there.
PRELUDE = """\
from fastapi import FastAPI
import asyncio, contextlib, contextvars, dataclasses, datetime, decimal, enum, functools, json
import ipaddress, threading, uuid
from typing import Annotated, Any, AsyncIterable, Iterable, Iterator, Literal, Optional, Union
from fastapi import (
    APIRouter, BackgroundTasks, Body, Cookie, Depends, File, Form, Header, HTTPException, Path, Query,
    Request, Response, Security, UploadFile,
)
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.requests import HTTPConnection
from fastapi.responses import (
    HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse,
)
from fastapi.security import (
    APIKeyCookie, APIKeyHeader, APIKeyQuery, HTTPAuthorizationCredentials, HTTPBasic,
    HTTPBasicCredentials, HTTPBearer, OAuth2PasswordBearer, SecurityScopes,
)
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import (
    AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, Json, RootModel, computed_field,
)
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route

LOG = []
TURN = 0
GATE = threading.Event()
VAR = contextvars.ContextVar("VAR", default="")


def log(*what):
    if asyncio.events._get_running_loop() is None:
        where = "thread"
    else:
        where = "loop" if asyncio.current_task() is not None else "no task"
    LOG.append((where, VAR.get(), *[show(one) for one in what]))


def show(value):
    if type(value) is str:
        return value
    if isinstance(value, UploadFile):
        value.file.seek(0)
        data = value.file.read()
        value.file.seek(0)
        return ("file", value.filename, value.content_type, value.size, data[:40])
    if isinstance(value, Request):
        return (
            "request", value.method, str(value.url), dict(value.path_params), str(value.query_params),
            value.headers.items(), value.cookies, value.scope["root_path"], value.scope["type"],
            getattr(value.scope.get("route"), "path", None),
            getattr(value.scope.get("endpoint"), "__name__", None), value.scope["app"] is app,
        )
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *[show(one) for one in value])
    if isinstance(value, (set, frozenset)):
        # Where a nan stands in a set depends on its address.
        return (type(value).__name__, *sorted(str(show(one)) for one in value))
    if isinstance(value, dict):
        return {key: show(one) for key, one in value.items()}
    if isinstance(value, BaseException):
        return (type(value).__name__, str(value))
    return type(value).__name__ + " " + repr(value)


class Custom(Exception):
    pass


class Special(Custom):
    pass

"""


def indent(lines: Sequence[str], depth: int = 1) -> list[str]:
    return [("    " * depth + line) if line else "" for line in lines]


class Maker:
    """Draws choices, and collects the lines of a program."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self._names: dict[str, int] = {}
        #: Events are made in a task of their own, beside exits that come before the answer. Which of
        #: the two is first is chance, so a program has the one or the other.
        self.has_events = self.chance(2)

    def pick(self, options: Sequence[T]) -> T:
        """One of the options; the first is the simplest."""
        if len(options) == 1:
            return options[0]
        return options[self.draw(st.integers(0, len(options) - 1))]

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Up to `most` different ones of the options, in any order."""
        rest, chosen = list(options), []
        for _ in range(min(self.count(most), len(rest))):
            chosen.append(rest.pop(self.draw(st.integers(0, len(rest) - 1))))
        return chosen

    def chance(self, one_in: int) -> bool:
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def count(self, most: int, least: int = 0) -> int:
        return int(self.draw(st.integers(least, most)))

    def name(self, prefix: str) -> str:
        number = self._names.get(prefix, 0)
        self._names[prefix] = number + 1
        return f"{prefix}{number}"

    def write(self, *lines: str) -> None:
        self.lines += lines

    def text(self) -> str:
        return PRELUDE + "\n".join(self.lines) + "\n"
