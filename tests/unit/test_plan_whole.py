"""Parameters that look at a whole query, all headers or all cookies: what they take is what FastAPI
takes of the same request."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from fastapi import APIRouter, Cookie, FastAPI, Form, Header, Query
from fastapi._compat import ModelField
from fastapi.dependencies.utils import request_params_to_args
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, Field, Json, model_validator
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.testclient import TestClient as StarletteClient

from fasterapi import FasterAPI, _native
from fasterapi.plan import plan_app
from fasterapi.plan.inner import _plan_for
from fasterapi.plan.params import plan_params
from fasterapi.plan.spec import ParamSpec, Source
from fasterapi.plan.whole import _plain_model


class Plain(BaseModel):
    a: int = 1
    b_c: str | None = None
    many: list[int] = []
    other: Annotated[str, Field(alias="X-Other")] = "none"


class Open(Plain):
    model_config = {"extra": "allow"}


class Closed(BaseModel):
    model_config = {"extra": "forbid"}
    a: str
    many: set[str] | None = None


class Seen(BaseModel):
    """It looks at all that was sent."""

    seen: Any = None

    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        return {"seen": list(data.items())}


class Named(BaseModel):
    model_config = {"validate_by_name": True, "validate_by_alias": True, "extra": "allow"}
    a: Annotated[int, Field(alias="b")] = 0


class Choices(BaseModel):
    a: Annotated[int, Field(validation_alias=AliasChoices("b", "many"))] = 0
    many: list[str] = []


class Path(BaseModel):
    model_config = {"extra": "allow"}
    a: Annotated[int, Field(validation_alias=AliasPath("many", 0))] = 0
    c: Json[list[int]] = []


class Underscores(BaseModel):
    model_config = {"extra": "allow"}
    b_c: Annotated[str, Header(convert_underscores=False)] = ""
    c_b: str = ""


MODELS = (Plain, Open, Closed, Seen, Named, Choices, Path, Underscores)
NAMES = ("a", "b", "b_c", "b-c", "c_b", "c-b", "many", "X-Other", "x-other", "c", "é", "")
TEXTS = st.sampled_from(["", "1", "2", "x", "[1]", "é", '"q"', "1,2", " 1"])
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=8)
REFUSED = "refused"


def planned(kind: Any, place: Any) -> tuple[ModelField, ParamSpec]:
    router = APIRouter()

    def read(a): ...

    read.__annotations__["a"] = Annotated[kind, place]
    router.get("/x")(read)
    dependant = router.routes[-1].dependant
    (spec,), reasons = plan_params(dependant, {}, "/x")
    assert reasons == []
    (field,) = [*dependant.query_params, *dependant.header_params, *dependant.cookie_params]
    return field, spec


def raw(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def cookies(pairs: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    middle = len(pairs) // 2
    headers = [(b"host", b"h")]
    for part in (pairs[:middle], pairs[middle:]):
        text = "; ".join(f"{name}={value}" for name, value in part)
        headers.append((b"cookie", text.encode("latin-1")))
    return headers


def request_of(place: Any, pairs: list[tuple[str, str]]) -> tuple[Any, Any]:
    """(what the core gives, what FastAPI looks into)."""
    scope: dict[str, Any] = {"type": "http", "headers": [], "query_string": b""}
    if place is Query:
        query = urlencode(pairs)
        scope["query_string"] = query.encode()
        return parse_qsl(query, keep_blank_values=True), Request(scope).query_params
    scope["headers"] = raw(pairs) if place is Header else cookies(pairs)
    request = Request(scope)
    return list(scope["headers"]), request.headers if place is Header else request.cookies


def of_fastapi(field: ModelField, received: Any) -> Any:
    values, errors = request_params_to_args([field], received)
    return REFUSED if errors else values[field.name]


def of_plan(spec: ParamSpec, whole: Any) -> Any:
    try:
        return spec.validate(whole, from_attributes=True)
    except ValueError:
        return REFUSED


@pytest.mark.parametrize("place", [Query, Header, Cookie])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optional", [False, True])
def test_models_take_what_fastapi_takes(place: Any, model: Any, optional: bool):
    field, spec = planned(model | None if optional else model, place())
    assert spec.source is (Source.ALL_QUERY if place is Query else Source.ALL_HEADERS)

    @settings(max_examples=80)
    @given(PAIRS)
    def check(pairs: list[tuple[str, str]]) -> None:
        whole, received = request_of(place, pairs)
        expected = of_fastapi(field, received)
        found = of_plan(spec, whole)
        assert found == expected
        if expected not in (REFUSED, None):
            assert found.model_fields_set == expected.model_fields_set
            assert found.__dict__ == expected.__dict__
            assert (found.model_extra is None) == (expected.model_extra is None)
            assert list((found.model_extra or {}).items()) == list(
                (expected.model_extra or {}).items()
            )

    check()


@pytest.mark.parametrize("place", [Query, Header, Cookie])
@pytest.mark.parametrize("kind", [int, list[int], str | None])
def test_several_aliases(place: Any, kind: Any):
    field, spec = planned(kind, place(validation_alias=AliasChoices("a", "many", "b_c")))

    @settings(max_examples=80)
    @given(PAIRS)
    def check(pairs: list[tuple[str, str]]) -> None:
        whole, received = request_of(place, pairs)
        assert of_plan(spec, whole) == of_fastapi(field, received)

    check()


@pytest.mark.parametrize(
    ("model", "place", "is_plain"),
    [
        (Plain, Source.QUERY, True),
        (Plain, Source.HEADER, True),
        (Closed, Source.QUERY, True),
        (Closed, Source.COOKIE, False),
        (Seen, Source.COOKIE, True),
        (Named, Source.QUERY, False),
        (Choices, Source.QUERY, False),
        (Path, Source.QUERY, False),
        (Underscores, Source.HEADER, True),
    ],
)
def test_the_common_models_go_the_short_way(model: Any, place: Source, is_plain: bool):
    marks = {Source.QUERY: Query(), Source.HEADER: Header(), Source.COOKIE: Cookie()}
    field, _ = planned(model, marks[place])
    assert (_plain_model(field, place, model.model_validate) is not None) is is_plain


# -- behind middleware -----------------------------------------------------------------------------


def filled(app: FastAPI) -> Any:
    @app.get("/query")
    def query(a: Annotated[Closed, Query()]):
        return a

    @app.get("/header")
    async def header(a: Annotated[Plain, Header()], c: Annotated[Json[int], Query()]):
        return [a, c]

    @app.get("/cookie")
    def cookie(a: Annotated[Named, Cookie()]):
        return a

    @app.post("/form")
    def form(a: Annotated[str, Form()]):
        return a

    app.add_middleware(BaseHTTPMiddleware, dispatch=lambda request, go_on: go_on(request))
    return app


def test_the_inner_end_of_the_middleware_stack_takes_them_too():
    ours = filled(FasterAPI(openapi_url=None))
    rows = plan_app(ours).inner_entries(_native.core, ours, _plan_for)
    assert {path: plan is not None for path, _, plan, *_ in rows} == {
        "/query": True,
        "/header": True,
        "/cookie": True,
        "/form": False,  # FastAPI reads it there
    }
    clients = [StarletteClient(ours), StarletteClient(filled(FastAPI(openapi_url=None)))]
    for url, headers in (
        ("/query?a=1&many=x&many=y", {}),
        ("/query?a=1&b=2", {}),
        ("/header?c=3", {"a": "5", "b-c": "x", "x-other": "o"}),
        ("/header?c=x", {}),
        ("/cookie", {"cookie": "b=1; z=2; z=3"}),
    ):
        one, other = (client.get(url, headers=headers) for client in clients)
        assert (one.status_code, one.headers, one.text) == (
            other.status_code,
            other.headers,
            other.text,
        )
    one, other = (client.post("/form", data={"a": "x"}) for client in clients)
    assert (one.status_code, one.text) == (other.status_code, other.text) == (200, '"x"')
