"""Plans of endpoints that stream; what they send is compared in tests/integration/test_streams.py."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import Annotated, Any

import fastapi.routing
import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.testclient import TestClient as StarletteClient

from fasterapi import FasterAPI
from fasterapi.plan import PlanSpec, plan_app
from fasterapi.plan.fingerprint import check_internals, is_patched
from fasterapi.plan.inner import _plan_for
from fasterapi.testclient import TestClient


class Item(BaseModel):
    n: int


def who(name: str = "somebody") -> Iterable[str]:
    yield name


def lines(d: Annotated[str, Depends(who)], n: int = 2) -> Iterable[Item]:
    yield from (Item(n=i) for i in range(n))


async def events(request: Request, d: Annotated[str, Depends(who)]) -> AsyncIterable[Item]:
    yield Item(n=1)


def raw(item: Item):
    yield d if (d := str(item.n)) else ""


def fill(app: FastAPI) -> Any:
    app.get("/lines")(lines)
    app.get("/events", response_class=EventSourceResponse)(events)
    app.post("/raw", response_class=StreamingResponse)(raw)
    return app


def specs(app: FastAPI) -> dict[str, PlanSpec]:
    return {entry.path: entry.spec for entry in plan_app(app).entries if entry.spec is not None}


def answers(client: Any) -> list[tuple[int, list[tuple[str, str]], str]]:
    requests = (
        client.get("/lines?n=3"),
        client.get("/lines?n=x"),
        client.get("/events"),
        client.post("/raw", json={"n": 5}),
        client.post("/raw", json={"n": "x"}),
    )
    return [(one.status_code, sorted(one.headers.items()), one.text) for one in requests]


def test_the_core_s_part_of_a_stream_only_hands_over():
    found = specs(fill(FasterAPI(openapi_url=None)))
    assert sorted(found) == ["/events", "/lines", "/raw"]
    for spec in found.values():
        assert (spec.stream, spec.exchange, spec.inline, spec.may_decline) == (True,) * 4
        assert (spec.is_async, spec.can_suspend, spec.response) == (False, False, None)
    assert [param.wire_name for param in found["/lines"].params] == ["name", "n"]
    assert found["/raw"].body is not None


def test_a_stream_with_a_response_model_has_one_plan_for_all_methods():
    app = FasterAPI(openapi_url=None)
    app.api_route("/x", methods=["GET", "POST"], response_model=Item)(lines)
    (entry,) = plan_app(app).entries
    assert entry.methods == ("GET", "POST")
    assert entry.spec is not None
    assert entry.spec.response is None


def test_same_answers_as_fastapi():
    with TestClient(fill(FasterAPI())) as ours, StarletteClient(fill(FastAPI())) as theirs:
        assert answers(ours) == answers(theirs)


def test_streams_at_the_inner_end_of_the_middleware_stack():
    async def passes(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app, plain = FasterAPI(), FastAPI()
    for one in (app, plain):
        fill(one).add_middleware(BaseHTTPMiddleware, dispatch=passes)
    assert all(_plan_for(spec, app) is not None for spec in specs(app).values())
    with TestClient(app) as ours, StarletteClient(plain) as theirs:
        assert answers(ours) == answers(theirs)


def test_overrides_are_seen_for_each_request():
    app = FasterAPI()

    @app.get("/x")
    def read(d: Annotated[str, Depends(who)]):
        yield d

    with TestClient(app) as client:
        assert client.get("/x").text == '"somebody"\n'
        app.dependency_overrides[who] = lambda: "nobody"
        assert client.get("/x").text == '"nobody"\n'
        app.dependency_overrides.clear()
        assert client.get("/x?name=me").text == '"me"\n'


@pytest.mark.parametrize(
    "name", ["format_sse_event", "_normalize_non_finite_floats", "iterate_in_threadpool"]
)
def test_a_patch_of_what_a_stream_repeats_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fastapi.routing, name, lambda *_, **__: None)
    assert is_patched()
    assert [one.code for one in check_internals()] == ["patched"]


def test_the_ping_interval_is_fastapi_s(monkeypatch: pytest.MonkeyPatch):
    app = FasterAPI()

    @app.get("/x", response_class=EventSourceResponse)
    async def read():
        import anyio

        yield 1
        await anyio.sleep(0.2)

    monkeypatch.setattr(fastapi.routing, "_PING_INTERVAL", 0.02)
    with TestClient(app) as client:
        text = client.get("/x").text
    assert text.startswith("data: 1\n\n: ping\n\n: ping\n\n")
