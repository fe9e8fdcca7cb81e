"""From routes to plans: inputs, answers, endpoints, order, routers, and change detection."""

import datetime
import enum
import functools
import json
import uuid
from copy import deepcopy
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Cookie, Depends, Header, Query
from fastapi.exceptions import ResponseValidationError
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from fasterapi import FasterAPI, inline
from fasterapi.plan import BodySpec, Conv, ParamSpec, PlanSpec, Source, plan_app
from fasterapi.plan.endpoint import can_suspend


class FakePlan:
    """Stands in for the core's Plan: remembers its arguments."""

    def __init__(self, *args: Any, **keywords: Any):
        self.args = args
        self.keywords = keywords


class FakeCore:
    Plan = FakePlan


def new_app() -> FasterAPI:
    return FasterAPI(openapi_url=None)


def spec_of(function: Any, path: str = "/x", method: str = "get", **options: Any) -> PlanSpec:
    app = new_app()
    getattr(app, method)(path, **options)(function)
    plan = plan_app(app)
    assert plan.verdicts[0].reasons == []
    (entry,) = plan.entries
    assert entry.spec is not None
    return entry.spec


def params_of(function: Any, path: str = "/x", **options: Any) -> dict[str, ParamSpec]:
    return {param.keyword: param for param in spec_of(function, path, **options).params}


class Color(enum.Enum):
    RED = "red"


class Item(BaseModel):
    name: str
    price: float = 1.0


# -- parameters ------------------------------------------------------------------------------------


def test_sources_names_and_conversions():
    def read(
        item_id: int,
        name: str,
        q: str | None = None,
        ratio: float = 0.5,
        deep: bool = False,
        x_token: Annotated[str, Header()] = "",
        raw_name: Annotated[str, Header(convert_underscores=False)] = "",
        other: Annotated[int | None, Header(alias="X-Other")] = None,
        session: Annotated[str | None, Cookie(alias="sid")] = None,
        aliased: Annotated[int, Query(alias="a-b")] = 3,
    ): ...

    found = {
        name: (param.source, param.wire_name, param.conv, param.required, param.default)
        for name, param in params_of(read, "/x/{item_id}/{name}").items()
    }
    assert found == {
        "item_id": (Source.PATH, "item_id", Conv.INT, True, None),
        "name": (Source.PATH, "name", Conv.STR, True, None),
        "q": (Source.QUERY, "q", Conv.STR, False, None),
        "ratio": (Source.QUERY, "ratio", Conv.FLOAT, False, 0.5),
        "deep": (Source.QUERY, "deep", Conv.BOOL, False, False),
        "x_token": (Source.HEADER, "x-token", Conv.STR, False, ""),
        "raw_name": (Source.HEADER, "raw_name", Conv.STR, False, ""),
        "other": (Source.HEADER, "x-other", Conv.INT, False, None),
        "session": (Source.COOKIE, "sid", Conv.STR, False, None),
        "aliased": (Source.QUERY, "a-b", Conv.INT, False, 3),
    }


def test_everything_else_goes_to_the_field_s_validator():
    def read(
        color: Color,
        when: datetime.date,
        key: uuid.UUID,
        count: Annotated[int, Query(ge=1)],
        either: int | str,
    ): ...

    params = params_of(read)
    assert {param.conv for param in params.values()} == {Conv.VALIDATOR}
    assert params["color"].validate("red", from_attributes=True) is Color.RED
    assert params["when"].validate("2026-11-23", from_attributes=True).year == 2026
    assert params["count"].validate("7", from_attributes=True) == 7
    with pytest.raises(ValueError):
        params["count"].validate("0", from_attributes=True)


def test_lists_from_query_and_header():
    def read(
        a: Annotated[list[int], Query()],
        b: Annotated[set[str] | None, Query()] = None,
        c: Annotated[list[str], Header()] = [],  # noqa: B006
    ): ...

    params = params_of(read)
    assert all(param.is_list and param.conv is Conv.VALIDATOR for param in params.values())
    assert params["a"].validate(["1", "2"], from_attributes=True) == [1, 2]
    assert (params["a"].required, params["b"].required) == (True, False)
    assert params["b"].default_factory is None
    assert params["c"].default_factory is not None
    one, other = params["c"].default_factory(), params["c"].default_factory()
    assert one == other == []
    assert one is not other


def test_defaults_are_made_as_fastapi_makes_them():
    shared = {"a": [1]}
    numbers = iter(range(10))

    def read(
        plain: str = "x",
        member: Color = Color.RED,
        mutable: Any = Query(shared),
        made: int = Query(default_factory=lambda: next(numbers)),
        checked: int = Query("5", validate_default=True),
        refused: int = Query("five", validate_default=True),
    ): ...

    params = params_of(read)
    assert (params["plain"].default, params["plain"].default_factory) == ("x", None)
    assert params["member"].default is Color.RED

    def fresh(name: str) -> Any:
        factory = params[name].default_factory
        assert factory is not None
        return factory()

    assert fresh("mutable") == shared
    assert fresh("mutable")["a"] is not shared["a"]
    assert [fresh("made"), fresh("made")] == [0, 1]
    assert fresh("checked") == 5
    with pytest.raises(ValueError):  # handed over: FastAPI answers 422
        fresh("refused")


def test_path_convertors_with_their_own_types():
    def read(a: int, b: float, c: str): ...

    params = params_of(read, "/x/{a:int}/{b:float}/{c:path}")
    assert [param.conv for param in params.values()] == [Conv.INT, Conv.FLOAT, Conv.STR]
    constrained = params_of(lambda a: a, "/x/{a:str}")
    assert constrained["a"].conv is Conv.VALIDATOR  # Any


# -- the body --------------------------------------------------------------------------------------


def body_of(kind: Any, **options: Any) -> BodySpec:
    def read(item): ...

    read.__annotations__["item"] = kind
    spec = spec_of(read, method="post", **options)
    assert spec.body is not None
    return spec.body


def test_model_body():
    body = body_of(Item)
    raw = b'{"name":"a","price":2}'
    assert body.keyword == "item"
    assert body.json_loads is json.loads
    assert body.validate_python(body.json_loads(raw), from_attributes=True) == Item(
        name="a", price=2
    )
    assert body.validate_json is not None
    assert body.validate_json(raw) == Item(name="a", price=2)


@pytest.mark.parametrize(
    ("kind", "direct"),
    [
        (list[Item], True),
        (dict[str, int], True),
        (Annotated[Item | None, Body()], True),
        (Annotated[int, Body()], True),
        (dict, False),
        (Annotated[Any, Body()], False),
        (Item | list[Item], False),
    ],
)
def test_other_bodies(kind: Any, direct: bool):
    assert (body_of(kind).validate_json is not None) is direct


def test_body_beside_parameters():
    def change(item_id: int, item: Item, q: str = ""): ...

    spec = spec_of(change, "/x/{item_id}", "put")
    assert [param.keyword for param in spec.params] == ["item_id", "q"]
    assert spec.body is not None
    assert spec.body.keyword == "item"


# -- answers ---------------------------------------------------------------------------------------


class Out(BaseModel):
    name: str
    ratio: float = Field(0.0, serialization_alias="r")
    note: str | None = None


ANSWERS: list[tuple[dict[str, Any], Any]] = [
    ({"response_model": Out}, {"name": "a", "ratio": 1e-7}),
    ({"response_model": Out}, Out(name="a")),
    ({"response_model": Out}, {"name": "a", "ratio": float("nan")}),
    ({"response_model": Out, "response_model_exclude_none": True}, Out(name="a")),
    ({"response_model": Out, "response_model_exclude_unset": True}, {"name": "a"}),
    ({"response_model": Out, "response_model_exclude_defaults": True}, {"name": "a"}),
    ({"response_model": Out, "response_model_include": {"name"}}, {"name": "a"}),
    ({"response_model": Out, "response_model_exclude": {"name"}}, {"name": "a"}),
    ({"response_model": Out, "response_model_by_alias": False}, {"name": "a"}),
    ({"response_model": list[Out]}, [{"name": "ü"}, {"name": "\x7f"}]),
    ({"response_model": int}, "5"),
    ({"response_model": dict[str, datetime.timedelta]}, {"a": datetime.timedelta(seconds=1.5)}),
    ({"response_model": Out, "response_class": JSONResponse}, {"name": "a", "ratio": 1e-7}),
    (
        {
            "response_model": Out,
            "response_class": JSONResponse,
            "response_model_exclude_none": True,
            "response_model_by_alias": False,
        },
        {"name": "ü"},
    ),
]


@pytest.mark.parametrize(("options", "value"), ANSWERS)
def test_typed_answer_is_fastapi_s(options: dict[str, Any], value: Any):
    app = new_app()

    @app.get("/x", **options)
    def read():
        return deepcopy(value)

    (entry,) = plan_app(app).entries
    assert entry.spec is not None
    response = entry.spec.response
    assert response is not None
    validated = response.validate_python(read(), from_attributes=True)
    with TestClient(app) as client:
        assert response.to_json(validated, **response.kwargs) == client.get("/x").content


def test_only_what_differs_is_passed_to_the_serialiser():
    response = spec_of(lambda: 1, response_model=int).response
    assert response is not None
    assert response.kwargs == {"by_alias": True}


def test_untyped_answers_have_no_response():
    def read() -> JSONResponse: ...

    assert spec_of(lambda: 1).response is None
    assert spec_of(read).response is None
    assert spec_of(lambda: 1, response_model=None).response is None
    assert spec_of(lambda: 1, response_class=JSONResponse).response is None
    assert spec_of(lambda: 1, status_code=201).status_code == 201


@pytest.mark.parametrize("options", [{}, {"response_class": JSONResponse}])
def test_refused_answer_raises_what_fastapi_raises(options: dict[str, Any]):
    app = new_app()

    def read(item_id: int) -> Out:
        return {"name": 3}  # type: ignore[return-value]

    app.get("/x/{item_id}", **options)(read)
    (entry,) = plan_app(app).entries
    assert entry.spec is not None
    assert entry.spec.response is not None
    with pytest.raises(ResponseValidationError) as ours:
        entry.spec.response.slow({"name": 3})
    with TestClient(app) as client, pytest.raises(ResponseValidationError) as theirs:
        client.get("/x/1")
    assert ours.value.errors() == theirs.value.errors()
    assert ours.value.body == theirs.value.body
    assert ours.value.endpoint_ctx == theirs.value.endpoint_ctx
    assert str(ours.value) == str(theirs.value)


def test_refused_answer_below_a_root_path():
    app = new_app()
    app.get("/x")(lambda: None)
    app.router.routes.clear()
    app.get("/x", response_model=int)(lambda: "no")
    (entry,) = plan_app(app, root_path="/api/").entries
    assert entry.spec is not None
    assert entry.spec.response is not None
    with pytest.raises(ResponseValidationError) as caught:
        entry.spec.response.slow("no")
    assert caught.value.endpoint_ctx["path"] == "GET /api/x"


def test_an_answer_that_was_used_up_is_still_refused():
    response = spec_of(lambda: 1, response_model=list[int]).response
    assert response is not None
    values = iter([1, "no", 3])
    with pytest.raises(ValueError):
        response.validate_python(values, from_attributes=True)
    with pytest.raises(ResponseValidationError):
        response.slow(values)


def test_several_methods_of_a_typed_route_have_plans_of_their_own():
    app = new_app()
    app.api_route("/x", methods=["PUT", "POST"], response_model=int)(lambda: "no")
    plan = plan_app(app)
    assert [entry.methods for entry in plan.entries] == [("POST",), ("PUT",)]
    assert plan.compiled == 1
    for entry in plan.entries:
        assert entry.spec is not None
        assert entry.spec.response is not None
        with pytest.raises(ResponseValidationError) as caught:
            entry.spec.response.slow("no")
        assert caught.value.endpoint_ctx["path"] == f"{entry.methods[0]} /x"


def test_several_methods_of_an_untyped_route_share_one():
    app = new_app()
    app.api_route("/x", methods=["PUT", "POST"])(lambda: 1)
    (entry,) = plan_app(app).entries
    assert entry.methods == ("POST", "PUT")


# -- endpoints -------------------------------------------------------------------------------------


async def straight(a: int = 0):
    return [n for n in range(a)]  # noqa: C416


async def waits():
    await other()


async def loops():
    async for _ in other():
        pass


async def enters():
    async with other():
        pass


async def comprehends():
    return [n async for n in other()]


async def other() -> Any: ...


@functools.wraps(straight)
async def wrapper(*args: Any, **kw: Any):
    return 1


class Holder:
    async def method(self, a: int = 0):
        return a

    def plain(self, a: int = 0):
        return a


def test_can_suspend():
    assert not can_suspend(straight)
    assert not can_suspend(Holder().method)
    assert not can_suspend(functools.partial(straight, a=1))
    for function in (waits, loops, enters, comprehends, wrapper, print, Holder()):
        assert can_suspend(function)  # type: ignore[arg-type]


def test_kinds_of_endpoints():
    def read(a: int = 0):
        return a

    holder = Holder()
    found = [
        (spec.handler, spec.is_async, spec.can_suspend)
        for spec in map(
            spec_of,
            (read, straight, waits, wrapper, holder.method, holder.plain, functools.partial(read)),
        )
    ]
    assert [one[1:] for one in found] == [
        (False, False),
        (True, False),
        (True, True),
        (True, True),
        (True, False),
        (False, False),
        (False, False),
    ]
    assert found[0][0] is read
    assert found[4][0] == holder.method


def test_inline_is_for_def_only():
    def read(): ...

    async def wait(): ...

    assert spec_of(read).inline is False
    assert spec_of(inline(read)).inline is True
    assert spec_of(functools.partial(read)).inline is True
    assert spec_of(inline(wait)).inline is False


# -- what the core gets ----------------------------------------------------------------------------


def test_core_plan_has_the_arguments_of_the_core():
    app = new_app()

    @app.post("/x/{item_id}", status_code=201)
    async def change(item_id: int, item: Item, q: str = "none") -> Out:
        return Out(name=item.name)

    app.mount("/files", FasterAPI())
    app.get("/files/{name}")(lambda name: name)
    rows = plan_app(app).core_entries(FakeCore)
    assert [(path, methods, prefix) for path, methods, _, prefix in rows] == [
        ("/x/{item_id}", ["POST"], "/x/"),
        ("/files", [], "/files"),
        ("/files/{name}", ["GET"], "/files/"),
    ]
    assert rows[1][2] is None
    handler, is_async, can, params, body, response, status = rows[0][2].args
    assert (handler, is_async, can, status) == (change, True, False, 201)
    assert rows[0][2].keywords == {
        "inline": False,
        "may_decline": False,
        "exchange": False,
        "form": None,
        "max_body": -1,
    }
    assert [param[:8] for param in params] == [
        ("item_id", 0, "item_id", 1, False, True, None, None),
        ("q", 1, "q", 0, False, False, "none", None),
    ]
    assert all(type(number) is int for param in params for number in (param[1], param[3]))
    assert body[0] == "item"
    assert (len(body), len(response)) == (4, 5)
    assert type(response[2]) is dict
    assert response[4] is None


def test_order_is_fastapi_s():
    app = new_app()
    app.get("/items/{item_id}")(lambda item_id: item_id)
    app.get("/items/last")(lambda: "last")
    app.get("/")(lambda: 1)
    assert [entry.path for entry in plan_app(app).entries] == [
        "/items/{item_id}",
        "/items/last",
        "/",
    ]


def test_an_opaque_root_does_not_push_others_out():
    app = new_app()

    @app.get("/")
    def root(value: Annotated[int, Depends(lambda: 1, max_concurrency=1)]): ...

    app.get("/a")(lambda: 1)
    plan = plan_app(app)
    assert [verdict.tier for verdict in plan.verdicts] == ["fastapi", "compiled"]
    assert [entry.path for entry in plan.entries] == ["/a"]


def test_a_shadowed_route_is_reported():
    app = new_app()
    app.get("/items/{item_id}", dependencies=[Depends(lambda: 1, max_concurrency=1)])(
        lambda item_id: 1
    )
    app.get("/items/last")(lambda: 1)
    plan = plan_app(app)
    assert [one.code for one in plan.verdicts[1].reasons] == ["shadowed"]
    assert "/items/{item_id}" in plan.verdicts[1].reasons[0].text


def test_included_routers_with_nested_prefixes():
    inner = APIRouter(prefix="/inner")
    inner.get("/{a}")(lambda a: a)
    middle = APIRouter()
    middle.include_router(inner, prefix="/middle")
    middle.get("/plain", status_code=202)(lambda: 1)
    app = new_app()
    app.include_router(middle, prefix="/outer")
    app.include_router(middle, prefix="/again", dependencies=[Depends(lambda: 1)])
    app.get("/own")(lambda: 1)
    plan = plan_app(app)
    assert [(verdict.path, verdict.tier) for verdict in plan.verdicts] == [
        ("/outer/middle/inner/{a}", "compiled"),
        ("/outer/plain", "compiled"),
        ("/again/middle/inner/{a}", "compiled"),
        ("/again/plain", "compiled"),
        ("/own", "compiled"),
    ]
    specs = {entry.path: entry.spec for entry in plan.entries}
    assert specs["/outer/plain"] is not None
    assert specs["/outer/plain"].status_code == 202
    with TestClient(app) as client:
        assert client.get("/outer/middle/inner/7").json() == "7"


def test_websocket_routes_take_no_entry():
    app = new_app()

    @app.websocket("/{room}")
    async def talk(room: str): ...

    app.get("/a")(lambda: 1)
    assert [entry.path for entry in plan_app(app).entries] == ["/a"]


# -- changes ---------------------------------------------------------------------------------------


def test_a_plan_knows_when_it_is_out_of_date():
    app = new_app()
    router = APIRouter()
    router.get("/r")(lambda: 1)
    app.include_router(router)
    app.get("/a")(lambda: 1)

    def changed(change: Any) -> bool:
        plan = plan_app(app)
        assert plan.is_current(app)
        change()
        return not plan.is_current(app)

    assert not changed(lambda: None)
    assert changed(lambda: app.get("/b")(lambda: 1))
    assert changed(lambda: router.get("/c")(lambda: 1))
    assert [entry.path for entry in plan_app(app).entries] == ["/r", "/c", "/a", "/b"]
    assert changed(lambda: app.router.routes.pop())
    assert changed(lambda: app.router.routes.reverse())
    assert changed(lambda: app.router.routes.append(app.router.routes.pop(0)))
    assert changed(lambda: app.router.routes.insert(0, app.router.routes.pop()))
    assert changed(lambda: setattr(app, "debug", True))
    app.debug = False
    assert changed(lambda: setattr(app, "middleware_stack", object()))
    app.middleware_stack = None
    assert changed(lambda: app.user_middleware.append(object()))  # type: ignore[arg-type]
    app.user_middleware.clear()
    assert changed(
        lambda: app._native_telemetry.config.update(tracer_provider=object())  # type: ignore
    )


def test_late_changes_of_a_route_s_attributes_do_not_count():
    """FastAPI's handler has its own copy of them, and so has the plan."""
    app = new_app()
    app.get("/x", response_model=int, status_code=201)(lambda: 1)
    route: Any = app.router.routes[-1]
    route.status_code = 202
    route.response_field = None
    (entry,) = plan_app(app).entries
    assert entry.spec is not None
    assert entry.spec.status_code == 201
    assert entry.spec.response is not None
    with TestClient(app) as client:
        assert client.get("/x").status_code == 201
