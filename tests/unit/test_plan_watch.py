"""Whatever changes an app's routes is noticed before the next use of a plan."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from fasterapi import FasterAPI, _native
from fasterapi.plan import plan_app
from fasterapi.plan.watch import watch_routes

pytestmark = pytest.mark.skipif(_native.core is None, reason="needs the core")


async def endpoint() -> str:
    return "old"


async def other() -> str:
    return "new"


class Routers:
    """An app that includes a router that includes one."""

    def __init__(self, app_class: type[FastAPI] = FasterAPI) -> None:
        self.inner, self.outer = APIRouter(), APIRouter()
        self.inner.add_api_route("/inner", endpoint)
        self.outer.add_api_route("/outer", endpoint)
        self.outer.include_router(self.inner, prefix="/deep")
        self.app = app_class(openapi_url=None)
        self.app.add_api_route("/first", endpoint)
        self.app.add_api_route("/second", endpoint)
        self.app.include_router(self.outer, prefix="/v1")
        self.routes = self.app.router.routes


def route(path: str = "/first") -> Any:
    return APIRouter().add_api_route(path, other) or Route(path, PlainTextResponse("new"))


def reassign(routers: Routers) -> None:
    routers.app.router.routes = [route(), *routers.routes]


def reassign_same(routers: Routers) -> None:
    routers.app.router.routes = list(routers.routes)


def through_old_reference(routers: Routers) -> None:
    routers.app.router.routes = routers.routes
    routers.routes.insert(0, route())


def delete_slice(routers: Routers) -> None:
    del routers.routes[:2]


def replace_in_place(routers: Routers) -> None:
    routers.routes[0] = route()


CHANGES: dict[str, Callable[[Routers], Any]] = {
    "add_api_route": lambda r: r.app.add_api_route("/new", other),
    "decorator": lambda r: r.app.get("/new")(other),
    "add_route": lambda r: r.app.add_route("/new", PlainTextResponse("new")),
    "mount": lambda r: r.app.mount("/mounted", PlainTextResponse("new")),
    "host": lambda r: r.app.host("h", PlainTextResponse("new")),
    "include_router": lambda r: r.app.include_router(APIRouter(), prefix="/v2"),
    "include below": lambda r: r.inner.include_router(r.outer.__class__(), prefix="/v2"),
    "route of an included one": lambda r: r.outer.add_api_route("/new", other),
    "route further below": lambda r: r.inner.add_api_route("/new", other),
    "removed below": lambda r: r.outer.routes.pop(),
    "frontend": lambda r: r.app.router.frontend("/ui", directory=".", check_dir=False),
    "append": lambda r: r.routes.append(route()),
    "insert": lambda r: r.routes.insert(0, route()),
    "extend": lambda r: r.routes.extend([route()]),
    "+=": lambda r: r.routes.__iadd__([route()]),
    "*=": lambda r: r.routes.__imul__(2),
    "item": replace_in_place,
    "slice": lambda r: r.routes.__setitem__(slice(None), [route()]),
    "delete": lambda r: r.routes.__delitem__(0),
    "delete slice": delete_slice,
    "pop": lambda r: r.routes.pop(0),
    "remove": lambda r: r.routes.remove(r.routes[0]),
    "clear": lambda r: r.routes.clear(),
    "reverse": lambda r: r.routes.reverse(),
    "sort": lambda r: r.routes.sort(key=lambda one: getattr(one, "path", ""), reverse=True),
    "list.append": lambda r: list.append(r.routes, route()),
    "reassigned": reassign,
    "reassigned, equal": reassign_same,
    "old reference": through_old_reference,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(name):
    routers = Routers()
    plan = plan_app(routers.app)
    watch = plan.watch.core_watch(_native.core)
    assert plan.is_current(routers.app)
    assert watch.is_current()
    CHANGES[name](routers)
    assert not plan.is_current(routers.app)
    assert not watch.is_current()
    assert plan_app(routers.app).is_current(routers.app)


@pytest.mark.parametrize("name", CHANGES)
def test_the_list_stays_what_it_was(name):
    routers, plain = Routers(), Routers(FastAPI)
    plan_app(routers.app).watch.core_watch(_native.core)
    for one in (routers, plain):
        CHANGES[name](one)
    assert type(routers.app.router.routes) is list
    assert len(routers.app.router.routes) == len(plain.app.router.routes)
    paths = ["/first", "/second", "/v1/outer", "/v1/deep/inner", "/new", "/v1/new", "/nothing"]
    answers = [
        [(answer.status_code, answer.content) for answer in map(TestClient(app).get, paths)]
        for app in (routers.app, plain.app)
    ]
    assert answers[0] == answers[1]


def test_other_routers_do_not_matter():
    routers = Routers()
    plan = plan_app(routers.app)
    APIRouter().add_api_route("/new", other)
    FasterAPI().add_api_route("/new", other)
    assert plan.is_current(routers.app)


def test_a_mount_below_is_its_own_apps_matter():
    routers = Routers()
    below = FasterAPI()
    routers.app.mount("/below", below)
    plan = plan_app(routers.app)
    below.add_api_route("/new", other)
    assert plan.is_current(routers.app)


def test_a_change_while_the_watch_looks_around():
    routers = Routers()
    fresh = APIRouter()
    routes = routers.app.router.routes

    class Changing(list[Any]):
        def __iter__(self) -> Any:
            fresh.add_api_route("/new", other)
            return iter(routes)

    routers.app.router.routes = Changing(routes)
    assert not watch_routes(routers.app.router).is_current()


def test_a_list_of_another_kind_is_not_planned():
    class Routes(list[Any]):
        """Might give other routes than it holds."""

    routers = Routers()
    routers.app.router.routes = Routes(routers.routes)
    plan = plan_app(routers.app)
    assert [one.code for one in plan.reasons] == ["custom-router"]
    assert TestClient(routers.app).get("/first").json() == "old"


def test_watches_that_nobody_has_any_more_are_forgotten():
    router = APIRouter()
    watches = [weakref.ref(watch_routes(router)) for _ in range(100)]
    gc.collect()
    assert all(one() is None for one in watches)
    kept = watch_routes(router)
    from fasterapi.plan import watch

    assert len([one for one in watch._watches if one() is None]) == 0
    assert kept.is_current()


@pytest.mark.parametrize("bad", [1, (), ({}, []), ([], [], ()), ({}, (), ()), ({}, [], [])])
def test_the_cores_watch_takes_routers_only(bad):
    with pytest.raises(TypeError):
        _native.core.RouteWatch(bad)


def test_the_cores_watch_without_its_list():
    attributes: dict[str, Any] = {"routes": [1]}
    watch = _native.core.RouteWatch((attributes, attributes["routes"], (1,)))
    assert watch.is_current()
    routes = attributes.pop("routes")
    assert not watch.is_current()
    attributes["routes"] = routes
    assert watch.is_current()
    watch.touch()
    assert not watch.is_current()


def test_mounts_are_of_the_app():
    app = FasterAPI()
    app.router.routes.append(Mount("/m", PlainTextResponse("m")))
    assert plan_app(app).is_current(app)
