"""What the parts of the comparison app share: the app itself, its models, and `both`.

COMPARE_CLASS=fastapi makes it a plain FastAPI app, otherwise it is a FasterAPI app: nothing else
differs. Each parameter route exists twice, as `async def` below /a and as `def` below /d.
"""

import dataclasses
import enum
import inspect
import os
import pathlib
from collections.abc import Callable
from typing import Any, Literal

from fastapi import (
    APIRouter,
    FastAPI,
)
from pydantic import BaseModel, ConfigDict, Field

App: type[FastAPI]
if os.environ.get("COMPARE_CLASS") == "fastapi":
    App = FastAPI
else:
    from fasterapi import FasterAPI as App

STATIC = pathlib.Path(__file__).parent / "static"

app = App(title="compare", version="1.0")
both_a = APIRouter(prefix="/a")
both_d = APIRouter(prefix="/d")


def both(path: str, methods: tuple[str, ...] = ("GET",), **options: Any) -> Callable[[Any], Any]:
    """Register a `def` handler below /d, and the same as a coroutine function below /a."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return handler(*args, **kwargs)

        coroutine.__name__ = handler.__name__
        coroutine.__signature__ = inspect.signature(handler)  # type: ignore[attr-defined]
        coroutine.__annotations__ = handler.__annotations__
        both_d.add_api_route(path, handler, methods=list(methods), **options)
        both_a.add_api_route(path, coroutine, methods=list(methods), **options)
        return handler

    return register


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    x: int
    y: float = 0.5


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []
    note: str | None = None
    inner: Inner | None = None


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    n: int = Field(ge=1, le=10)
    text: str = Field(min_length=2, pattern="^[a-z]+$")


class Aliased(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    first_name: str = Field(alias="firstName")
    age: int | None = None


class Filter(BaseModel):
    limit: int = 10
    order: Literal["up", "down"] = "up"


class User(BaseModel):
    name: str


class UserWithSecret(User):
    secret: str


@dataclasses.dataclass
class Point:
    x: int
    y: int
