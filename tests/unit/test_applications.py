"""The FasterAPI class: its keywords, its options, and that it stays a FastAPI app."""

import fastapi
import pytest
from fastapi import FastAPI as OriginalFastAPI
from fastapi import Request, Response
from fastapi.testclient import TestClient

import fasterapi
from fasterapi import FasterAPI, inline


def test_everything_fastapi_exports_is_here():
    names = {name for name in vars(fastapi) if not name.startswith("_") and name[0].isupper()}
    for name in names - {"FastAPI"} | {"status"}:
        assert getattr(fasterapi, name) is getattr(fastapi, name)
    assert fasterapi.FastAPI is FasterAPI
    assert callable(fasterapi.serve)
    assert fasterapi.__version__


def test_is_a_fastapi_app_in_every_respect():
    app = FasterAPI(title="Shop", version="2", queue_size=64)
    assert isinstance(app, OriginalFastAPI)
    assert (app.title, app.version) == ("Shop", "2")

    @app.get("/items/{item_id}")
    def read(item_id: int) -> dict[str, int]:
        return {"id": item_id}

    with TestClient(app) as client:
        assert client.get("/items/3").json() == {"id": 3}
        assert client.get("/items/x").status_code == 422
        assert client.get("/openapi.json").json()["info"]["title"] == "Shop"


def test_options_are_kept_and_resolved(monkeypatch):
    monkeypatch.setenv("FASTERAPI_BACKLOG", "99")
    monkeypatch.setenv("FASTERAPI_QUEUE_SIZE", "99")
    app = FasterAPI(queue_size=64, access_log=True, body_timeout=5)
    assert app.core_arguments == {"queue_size": 64, "access_log": True, "body_timeout": 5.0}
    assert app.core_options["queue_size"] == 64
    assert app.core_options["backlog"] == 99
    assert app.core_options["simd"] is True
    app.core_arguments["queue_size"] = 1  # a copy
    assert app.core_options["queue_size"] == 64


def test_bad_environment_is_found_when_options_are_asked_for(monkeypatch):
    app = FasterAPI()
    monkeypatch.setenv("FASTERAPI_BACKLOG", "many")
    with pytest.raises(ValueError, match="FASTERAPI_BACKLOG"):
        _ = app.core_options


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"queue_sise": 5}, TypeError, "did you mean 'queue_size'"),
        ({"titel": "x"}, TypeError, "did you mean 'title'"),
        ({"zzz": 1}, TypeError, "unknown option 'zzz'"),
        ({"queue_size": 1}, ValueError, "queue_size is 1, but must be 2 to 1048576"),
        ({"queue_size": "64"}, TypeError, "queue_size takes a whole number"),
        ({"simd": 1}, TypeError, "simd takes True or False"),
    ],
)
def test_wrong_keywords(options, error, words):
    with pytest.raises(error) as caught:
        FasterAPI(**options)
    assert words in str(caught.value)


def test_max_body_size_is_fastapi_s_own():
    app = FasterAPI(max_body_size=10)
    assert app.max_body_size == 10
    assert app.core_arguments == {}

    @app.post("/")
    async def read(request: Request) -> Response:
        return Response(await request.body())

    with TestClient(app) as client:
        assert client.post("/", content=b"x" * 10).status_code == 200
        assert client.post("/", content=b"x" * 11).status_code == 413


def test_subclass_with_arguments_of_its_own():
    class Shop(FasterAPI):
        def __init__(self, currency: str) -> None:
            super().__init__(title="Shop", worker_threads=3)
            self.currency = currency

    shop = Shop("EUR")
    assert shop.currency == "EUR"
    assert shop.core_arguments == {"worker_threads": 3}


def test_stats_without_and_with_a_server():
    app = FasterAPI()
    assert app.stats() == {"running": False}

    class Server:
        def stats(self):
            return {"requests": 7}

    app._server = Server()
    assert app.stats() == {"running": True, "requests": 7}


def test_run_passes_everything_on(monkeypatch):
    seen = []
    monkeypatch.setattr("fasterapi.server.run", lambda *args, **kw: seen.append((args, kw)))
    app = FasterAPI()
    app.run()
    app.run("0.0.0.0", 80, workers=2, queue_size=64)
    assert seen == [
        ((app, None, None), {}),
        ((app, "0.0.0.0", 80), {"workers": 2, "queue_size": 64}),
    ]


def test_inline_marks_and_keeps_the_function():
    def handler() -> int:
        return 1

    assert inline(handler) is handler
    assert handler.__fasterapi_inline__ is True
    with pytest.raises(TypeError, match="inline takes a function"):
        inline(len)
