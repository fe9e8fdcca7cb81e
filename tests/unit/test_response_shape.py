"""Response models that leave a value as it is: the core writes it, and the bytes are Pydantic's."""

from __future__ import annotations

import collections
import datetime
import enum
import math
import types
from typing import Annotated, Any, Union, get_origin

import pytest
from fastapi.responses import JSONResponse
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, TypeAdapter

import fasterapi.plan.response
from fasterapi import FasterAPI, _native
from fasterapi.plan import Reason
from fasterapi.plan.params import validator_of
from fasterapi.plan.response import ResponseOptions, plan_response
from fasterapi.plan.schema import shape_of
from fasterapi.testclient import TestClient

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    pass


class Item(BaseModel):
    name: str


def shape(kind: Any) -> str | None:
    return shape_of(TypeAdapter(kind).core_schema)


def answer(kind: Any, value: object) -> bytes:
    """What FastAPI sends for a value. Raises ValueError if it refuses it."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    return adapter.dump_json(adapter.validate_python(value, from_attributes=True), by_alias=True)


# -- which schemas ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Any, "a"),
        (object, "a"),
        (str, "s"),
        (int, "i"),
        (float, "f"),
        (bool, "b"),
        (None, "n"),
        (dict, "{a"),
        (dict[str, Any], "{a"),
        (dict[str, int], "{i"),
        (list, "[a"),
        (list[dict[str, float | None]], "[{?f"),
        (dict[str, Any] | None, "?{a"),
        (Annotated[dict[str, Any], Field(title="T", description="D")], "{a"),
    ],
)
def test_schemas_with_a_shape(kind: Any, name: str):
    assert shape(kind) == name
    assert core.json_bytes(None, name) in (b"null", None)  # the core knows it


@pytest.mark.parametrize(
    "kind",
    [
        Item,
        list[Item],
        bytes,
        datetime.date,
        Number,
        int | str,
        set[int],
        tuple[int, ...],
        dict[int, str],
        dict[Annotated[str, Field(min_length=1)], int],
        Annotated[dict[str, Any], Field(max_length=2)],
        Annotated[list[int], Field(min_length=1)],
        Annotated[int, Field(ge=0)],
        Annotated[int, Field(strict=True)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[str, Field(pattern="a")],
        Annotated[int, AfterValidator(abs)],
        list[Annotated[int, PlainSerializer(str)]],
        Annotated[int, Field(default=1)],
    ],
)
def test_schemas_without_one(kind: Any):
    assert shape(kind) is None


def test_a_configuration_takes_the_plan_away():
    """It changes values, and the schema does not show it."""
    adapter: TypeAdapter[Any] = TypeAdapter(str, config=ConfigDict(str_to_upper=True))
    assert adapter.dump_json(adapter.validate_python("a")) == b'"A"'
    assert shape_of(adapter.core_schema) == "s"
    field: Any = types.SimpleNamespace(_type_adapter=adapter, config={"a": 1}, name="f")
    options = ResponseOptions(None, None, True, False, False, False)
    assert isinstance(plan_response(field, JSONResponse, options, print, ""), Reason)


def test_no_shape_is_longer_than_the_core_takes():
    kind: Any = int
    for _ in range(14):
        kind = list[kind]
    assert shape(kind) == "[" * 14 + "i"
    assert core.json_bytes([], "[" * 14 + "i") == b"[]"
    assert shape(list[kind]) is None
    with pytest.raises(ValueError, match="is no shape"):
        core.json_bytes([], "[" * 15 + "i")


@pytest.mark.parametrize("arguments", [(), (1, "a", 2), (1, 2), (1, b"a")])
def test_wrong_arguments_of_json_bytes(arguments: tuple[Any, ...]):
    with pytest.raises(TypeError):
        core.json_bytes(*arguments)


def test_a_shape_does_not_end_at_a_zero():
    with pytest.raises(ValueError, match="is no shape"):
        core.json_bytes(1, "a\0")


@pytest.mark.parametrize("name", ["", "u", "x", "{", "?", "ii", "i{", "{a ", "{a\n", "ä"])
def test_what_is_no_shape(name: str):
    with pytest.raises(ValueError, match="is no shape"):
        core.json_bytes(1, name)
    with pytest.raises(ValueError, match="is no shape"):
        core.Plan(print, False, False, (), None, (print, print, {}, print, name), 200)


# -- the property ----------------------------------------------------------------------------------

leaves = st.sampled_from([Any, str, int, float, bool, None])
kinds = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),
        inner.map(lambda kind: dict[str, kind]),
        inner.map(lambda kind: Union[kind, None]),  # noqa: UP007 (None | None is an error)
    ),
    max_leaves=4,
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.builds(lambda number, places: number / 10**places, st.integers(), st.integers(0, 24)),
    st.sampled_from(
        [Number.ONE, Text("t"), "\ud800", "1", "on", 1e16, 9999999999999998.0, 1e-4, 9.9e-5, -0.0,
         2**63 - 1, 2**63, -(2**63), 10**30, datetime.date(2026, 1, 2), Item(name="n"), b"b"]
    ),
)  # fmt: skip
keys = st.text(max_size=3) | st.sampled_from(["_sa", "\ud800", 1, Text("t"), None])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4).map(collections.OrderedDict),
    ),
    max_leaves=8,
)


def fitting(kind: Any) -> st.SearchStrategy[Any]:
    """Values that are exactly of the type, mostly."""
    exact = {
        Any: values,
        str: st.text(),
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(),
        bool: st.booleans(),
        None: st.none(),
        type(None): st.none(),
    }
    if kind in exact:
        return exact[kind]
    if get_origin(kind) is Union:
        return st.none() | fitting(kind.__args__[0])
    if kind.__origin__ is list:
        return st.lists(fitting(kind.__args__[0]), max_size=4)
    return st.dictionaries(st.text(max_size=3), fitting(kind.__args__[1]), max_size=4)


@given(st.data(), kinds)
@settings(max_examples=500)
def test_the_bytes_are_pydantic_s_or_left_to_it(data: st.DataObject, kind: Any):
    value = data.draw(st.one_of(values, fitting(kind)))
    name = shape(kind)
    assert name is not None
    written = core.json_bytes(value, name)
    if written is not None:
        assert written == answer(kind, value)


@given(st.floats() | st.builds(lambda n, places: n / 10**places, st.integers(), st.integers(0, 24)))
@example(1e16)
@example(math.nextafter(1e16, 0))
@example(1e-4)
@example(math.nextafter(1e-4, 0))
@settings(max_examples=500)
def test_floats_without_an_exponent_are_written_others_left(value: float):
    plain = value == 0 or 1e-4 <= abs(value) < 1e16
    for kind, inside in ((float, value), (dict[str, Any], {"a": value}), (list[float], [value])):
        written = core.json_bytes(inside, shape(kind))
        assert written == (answer(kind, inside) if plain else None)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (dict[str, Any], {"id": 1, "tags": ["a", ("b", None)], "x": {"y": 1.5}},
         b'{"id":1,"tags":["a",["b",null]],"x":{"y":1.5}}'),
        (dict[str, Any], {}, b"{}"),
        (list[int], [1, -5], b"[1,-5]"),
        (list[int | None], [None, 2], b"[null,2]"),
        (dict[str, list[bool]], {"a": [True, False], "b": []}, b'{"a":[true,false],"b":[]}'),
        (str, 'é\u2028"\\\x00\x7f', 'é\u2028"'.encode()),
        (None, None, b"null"),
    ],
)  # fmt: skip
def test_plain_values_are_written(kind: Any, value: object, text: bytes):
    written = core.json_bytes(value, shape(kind))
    assert written == answer(kind, value)
    if kind is not str:
        assert written == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, True),
        (int, Number.ONE),
        (int, "1"),
        (int, 2**63),
        (float, 1),
        (bool, 1),
        (str, Text("t")),
        (str, "\ud800"),
        (None, 0),
        (dict[str, Any], collections.OrderedDict(a=1)),
        (dict[str, Any], {1: 2}),
        (dict[str, Any], {"a": {"b": {2}}}),
        (dict[str, int], {"a": 1, "b": None}),
        (list[int], (1, 2)),
        (list[int], [1, "2"]),
        (Any, Item(name="n")),
    ],
)
def test_other_values_are_left(kind: Any, value: object):
    assert core.json_bytes(value, shape(kind)) is None


def test_deep_values_are_left():
    deep: Any = 1
    for _ in range(120):
        deep = [deep]
    assert core.json_bytes(deep, "a") is None


def test_json_bytes_holds_level(holds_level: Any):
    holds_level(lambda: core.json_bytes({"a": [1, 2.5, "x" * 2000], "b": None}, "{a"))
    holds_level(lambda: core.json_bytes({"a": ["x" * 2000, {1}]}, "{a"))


# -- through the app -------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The values that Pydantic is asked about."""
    asked: list[object] = []

    def recording(field: Any) -> Any:
        validator = validator_of(field)
        assert validator is not None

        def validate_python(value: object, **keywords: Any) -> Any:
            asked.append(value)
            return validator.validate_python(value, **keywords)

        return types.SimpleNamespace(validate_python=validate_python)

    monkeypatch.setattr(fasterapi.plan.response, "validator_of", recording)
    return asked


class Around:
    """A middleware that the core does not know: requests come in through ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(params=[False, True], ids=["served", "behind middleware"])
def app(request: pytest.FixtureRequest, seen: list[object]) -> FasterAPI:
    made = FasterAPI()
    if request.param:
        made.add_middleware(Around)
    return made


def test_pydantic_is_asked_only_about_what_is_not_plain(app: FasterAPI, seen: list[object]):
    plain = {"id": 1, "name": "Alice"}
    other = {"at": datetime.date(2026, 1, 2)}

    @app.get("/plain")
    async def plain_route() -> dict[str, Any]:
        return plain

    @app.get("/def")
    def def_route() -> dict[str, Any]:
        return plain

    @app.get("/other")
    async def other_route() -> dict[str, Any]:
        return other

    @app.get("/refused")
    async def refused_route() -> list[int]:
        return ["x"]

    @app.get("/named", response_class=JSONResponse)
    async def named_route() -> dict[str, Any]:
        return {"small": 1e-05}

    @app.get("/few", response_model_exclude={"id"})
    async def few_route() -> dict[str, Any]:
        return plain

    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/plain").text == client.get("/def").text == '{"id":1,"name":"Alice"}'
        assert seen == []
        assert client.get("/other").text == '{"at":"2026-01-02"}'
        assert seen == [other]
        assert client.get("/refused").status_code == 500
        assert client.get("/named").text == '{"small":1e-05}'
        assert client.get("/few").text == '{"name":"Alice"}'
        assert seen == [other, ["x"], {"small": 1e-05}, plain]


def test_answers_that_are_not_plain_are_not_tried_again_and_again(
    app: FasterAPI, seen: list[object]
):
    @app.get("/")
    async def root(day: bool = False) -> dict[str, Any]:
        return {"at": datetime.date(2026, 1, 2)} if day else {"at": None}

    def asked(client: TestClient, day: bool) -> bool:
        seen.clear()
        assert client.get("/", params={"day": day}).json() == {"at": "2026-01-02" if day else None}
        return bool(seen)

    with TestClient(app) as client:
        for skipped in (1, 3, 7, 15, 31, 63, 63):
            assert asked(client, day=True)  # a try in vain
            assert [asked(client, day=True) for _ in range(skipped - 1)] == [True] * (skipped - 1)
            assert asked(client, day=False)  # the last that is not tried
        assert not asked(client, day=False)
        assert not asked(client, day=False)
        assert asked(client, day=True)
        assert asked(client, day=False)  # from the start: one is not tried
        assert not asked(client, day=False)
