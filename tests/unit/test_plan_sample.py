"""Made-up requests: right in form, or a reason why there is none."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Gt, Lt
from fastapi import Cookie, Form, Header, Query
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from fasterapi import FasterAPI
from fasterapi.plan.sample import NoSampleError, make_value, sample_requests


class Colour(enum.Enum):
    RED = "red"


class Part(BaseModel):
    name: str = Field(min_length=3)


class Order(BaseModel):
    parts: list[Part] = Field(min_length=1)
    when: datetime.datetime
    price: decimal.Decimal
    colour: Colour
    kind: Literal["b"] | None
    note: str = "n"
    pair: tuple[int, str]


class Node(BaseModel):
    child: "Node"


TYPES: list[Any] = [
    int, float, str, bool, bytes, uuid.UUID, datetime.date, datetime.time, datetime.timedelta,
    Colour, Literal[3], int | None, list[int], dict[str, int], Order, Any, set[str],
    Annotated[int, Field(ge=10)], Annotated[int, Field(lt=-3, multiple_of=5)],
    Annotated[float, Gt(0), Lt(0.5)], Annotated[str, Field(min_length=4, pattern="^x+$")],
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_values_are_valid(kind):
    adapter = TypeAdapter(kind)
    schema = adapter.json_schema()
    adapter.validate_python(make_value(schema, schema.get("$defs", {})), strict=False)


@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 7))
def test_integers_are_within_their_bounds(low, width, step):
    adapter = TypeAdapter(Annotated[int, Field(ge=low, le=low + width, multiple_of=step)])
    if any(number % step == 0 for number in range(low, low + width + 1)):
        adapter.validate_python(make_value(adapter.json_schema(), {}))


@pytest.mark.parametrize("kind", [Node, Annotated[str, Field(pattern="^[0-9]{4}$")]], ids=str)
def test_no_value(kind):
    schema = TypeAdapter(kind).json_schema()
    with pytest.raises(NoSampleError):
        make_value(schema, schema.get("$defs", {}))


def test_requests_are_answered():
    app = FasterAPI(openapi_url=None)

    @app.post("/{a}/{b:path}")
    def read(
        a: uuid.UUID,
        b: str,
        order: Order,
        c: Annotated[int, Query(alias="see")],
        d: Annotated[list[float], Query()],
        e: Annotated[bool, Header()],
        f: Annotated[str, Cookie()],
        g: int = 3,
    ):
        return [str(a), b, c, d, e, f, g]

    (sample,) = sample_requests(app)
    assert sample.problem == ""
    answer = TestClient(app).request(
        sample.method, sample.target, headers=dict(sample.headers), content=sample.body
    )
    assert answer.status_code == 422  # no content type: the request's maker adds that
    headers = {**dict(sample.headers), "content-type": "application/json"}
    client = TestClient(app)
    answer = client.request(sample.method, sample.target, headers=headers, content=sample.body)
    assert answer.status_code == 200, answer.text
    assert answer.json()[1] == "x"


def test_the_method_that_changes_least_is_taken():
    app = FasterAPI(openapi_url=None)
    app.api_route("/x", methods=["DELETE", "GET"])(lambda: 1)
    assert sample_requests(app)[0].method == "GET"


def test_problems():
    app = FasterAPI(openapi_url=None)

    @app.post("/form")
    def form(a: Annotated[str, Form()]): ...

    @app.get("/model")
    def model(a: Annotated[Part, Query()]): ...

    @app.get("/{lost}")
    def lost(): ...

    @app.get("/pattern")
    def pattern(a: Annotated[str, Query(pattern="^[0-9]{4}$")]): ...

    problems = [one.problem for one in sample_requests(app)]
    assert problems[0] == "its body is a form"
    assert "model of several inputs" in problems[1]
    assert "no function takes" in problems[2]
    assert "it must match" in problems[3]
