"""From an app's middleware to a gate: options read from Starlette's own objects, and refusals."""

import re
from typing import Any

import pytest
import starlette.middleware.cors
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from fasterapi import FasterAPI, _native
from fasterapi.plan import plan_app
from fasterapi.plan.middleware import CorsSpec, GateSpec, GZipSpec, plan_middleware, replay


def app_with(*layers: tuple[Any, dict[str, Any]]) -> FastAPI:
    """An app with middleware; the first one is the outermost."""
    app = FasterAPI(openapi_url=None)
    for cls, options in reversed(layers):
        app.add_middleware(cls, **options)

    @app.get("/x")
    def x() -> int:
        return 1

    return app


def gate_of(*layers: tuple[Any, dict[str, Any]]) -> GateSpec:
    gate, reasons = plan_middleware(app_with(*layers))
    assert reasons == []
    assert gate is not None
    return gate


def refusal(cls: Any, **options: Any) -> str:
    plan = plan_app(app_with((cls, options)))
    assert plan.compiled == 0
    assert plan.gate is None
    (why,) = plan.reasons
    assert why.code == "middleware-options"
    assert cls.__name__ in why.text
    return why.text


def test_no_middleware_no_gate():
    plan = plan_app(app_with())
    assert plan.compiled == 1
    assert plan.gate is None


def test_cors():
    origins = ["https://a", "https://b"]
    options = {
        "allow_origins": origins,
        "allow_credentials": True,
        "expose_headers": ["X-A", "X-B"],
        "allow_origin_regex": "https://.*",
    }
    (layer,) = gate_of((CORSMiddleware, options)).layers
    assert isinstance(layer, CorsSpec)
    assert layer.simple == (
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"X-A, X-B"),
    )
    assert (layer.everyone, layer.credentials) == (False, True)
    assert layer.origins is origins
    assert layer.fullmatch == re.compile("https://.*").fullmatch
    (layer,) = gate_of((CORSMiddleware, {"allow_origins": ("*",)})).layers
    assert isinstance(layer, CorsSpec)
    assert layer.simple == ((b"access-control-allow-origin", b"*"),)
    assert (layer.everyone, layer.credentials, layer.fullmatch) == (True, False, None)


def test_gzip():
    gate = gate_of((GZipMiddleware, {"minimum_size": 10, "exclude_content_types": ("A/b; c", "é")}))
    assert gate.layers == (GZipSpec(10, 9, 128 * 1024, (b"a/b",)),)


def test_hosts_and_redirects():
    gate = gate_of(
        (TrustedHostMiddleware, {"allowed_hosts": ["Example.com", "*.Example.org", "bücher.de"]}),
        (TrustedHostMiddleware, {}),
    )
    assert gate == GateSpec(False, (((b"example.com", False), (b".example.org", True)),), ())
    assert gate_of((HTTPSRedirectMiddleware, {})) == GateSpec(https_only=True)


@pytest.mark.parametrize("built", [False, True])
def test_the_innermost_comes_first(built: bool):
    app = app_with((GZipMiddleware, {}), (TrustedHostMiddleware, {}), (CORSMiddleware, {}))
    if built:
        app.middleware_stack = app.build_middleware_stack()
    gate = plan_app(app).gate
    assert gate is not None
    assert [type(layer) for layer in gate.layers] == [CorsSpec, GZipSpec]


def test_the_built_objects_count():
    app = app_with((GZipMiddleware, {"minimum_size": 10}), (CORSMiddleware, {}))
    app.middleware_stack = app.build_middleware_stack()
    layer: Any = app.middleware_stack
    while type(layer) is not GZipMiddleware:
        layer = layer.app
    layer.minimum_size = 20
    gate = plan_app(app).gate
    assert gate is not None
    assert isinstance(gate.layers[1], GZipSpec)
    assert gate.layers[1].minimum_size == 20
    layer.send = None
    assert [one.code for one in plan_app(app).reasons] == ["middleware-options"]


def test_what_is_not_certain_is_refused():
    class Origins(list[str]):
        pass

    assert "allow_origins" in refusal(CORSMiddleware, allow_origins=Origins(["https://a"]))
    assert "allow_origins" in refusal(CORSMiddleware, allow_origins=[b"https://a"])
    assert "allow_origin_regex" in refusal(CORSMiddleware, allow_origin_regex=b"https://.*")
    assert "allow_credentials" in refusal(CORSMiddleware, allow_credentials="yes")
    assert "Expose-Headers" in refusal(CORSMiddleware, expose_headers=["X\r\nY"])
    assert "TypeError" in refusal(CORSMiddleware, unknown=1)
    assert "minimum_size" in refusal(GZipMiddleware, minimum_size=1.5)
    assert "minimum_size" in refusal(GZipMiddleware, minimum_size=2**70)
    assert "compresslevel" in refusal(GZipMiddleware, compresslevel=10)


def test_patches_are_noticed(monkeypatch):
    app = app_with((CORSMiddleware, {}))
    without = app_with()
    plan, other = plan_app(app), plan_app(without)
    assert plan.is_current(app)

    def update(self: Any, other: Any) -> None: ...

    monkeypatch.setattr(MutableHeaders, "update", update)
    assert not plan.is_current(app)
    assert [one.code for one in plan_app(app).reasons] == ["patched"]
    assert other.is_current(without)  # they do not concern it


def test_a_subclass_put_in_place_is_noticed(monkeypatch):
    class Other(CORSMiddleware):
        pass

    monkeypatch.setattr(starlette.middleware.cors, "CORSMiddleware", Other)
    plan = plan_app(app_with((Other, {})))
    assert [one.code for one in plan.reasons] == ["middleware"]
    assert "Other" in plan.reasons[0].text


def test_replay_keeps_the_lines():
    response = replay(201, b"content-length: 2\r\nx-a: b: c\r\nx-e: \r\n", b"ok")
    assert (response.status_code, response.body) == (201, b"ok")
    assert response.raw_headers == [(b"content-length", b"2"), (b"x-a", b"b: c"), (b"x-e", b"")]


@pytest.mark.skipif(_native.core is None, reason="needs the C core")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((False, (b"a",), (), replay), TypeError),
        ((False, ((b"a",),), (), replay), TypeError),
        ((False, ((("a", True),),), (), replay), TypeError),
        ((False, (), (1,), replay), ValueError),
        ((False, (), ((2,),), replay), ValueError),
        ((False, (), ((0, (), True),), replay), TypeError),
        ((False, (), ((0, (b"a",), True, True, [], None),), replay), TypeError),
        ((False, (), ((1, 500, 9, 1000, ("a",)),), replay), TypeError),
        ((False, (), ((1, 500, 9, 2**70, ()),), replay), OverflowError),
    ],
)
def test_a_malformed_gate_is_refused(arguments: Any, error: type[Exception]):
    with pytest.raises(error):
        _native.core.Gate(*arguments)


def test_foreign_middleware_is_named_so_that_one_finds_it():
    class Timer(BaseHTTPMiddleware): ...

    class Quiet(CORSMiddleware): ...

    class Pure:
        def __init__(self, app: Any) -> None: ...

    app = app_with((Pure, {}), (Quiet, {}), (CORSMiddleware, {}))
    (why,) = plan_app(app).reasons
    names = "Pure, Quiet (a subclass; the core knows CORSMiddleware itself)"
    assert f"in Python: {names}. Plans run behind it;" in why.text

    app = app_with((Timer, {}))

    @app.middleware("http")
    async def add_header(request: Any, call_next: Any) -> Any: ...

    (why,) = plan_app(app).reasons
    assert 'in Python: @app.middleware("http") add_header, Timer. Pure ASGI' in why.text
