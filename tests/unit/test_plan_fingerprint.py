"""The check that FastAPI is the one the plans were written for."""

import dataclasses
import functools
import shutil
import types
from pathlib import Path

import fastapi
import fastapi.dependencies.utils
import fastapi.routing
import pydantic
import pytest
import starlette
from starlette.responses import JSONResponse

from fasterapi import FasterAPI
from fasterapi.plan import digest, fingerprint, plan_app
from fasterapi.plan.fingerprint import check_internals, is_patched
from fasterapi.plan.release import parse_version


def codes() -> list[str]:
    return [one.code for one in check_internals()]


def test_the_installed_fastapi_is_as_tested():
    assert check_internals() == []
    assert not is_patched()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.165.0", (0, 165, 0)),
        ("0.165.0rc1", (0, 165, 0)),
        ("1.10", (1, 10)),
        ("2.14.3.dev4", (2, 14, 3)),
        ("odd", ()),
    ],
)
def test_parse_version(text, numbers):
    assert parse_version(text) == numbers


@pytest.mark.parametrize("version", ["0.164.9", "0.166.0", "0.166.0rc1", "1.0", "odd"])
def test_untested_version(monkeypatch, version):
    monkeypatch.setattr(fastapi, "__version__", version)
    monkeypatch.setitem(digest.KNOWN, "fastapi", frozenset())
    (why,) = check_internals()
    assert why.code == "version"
    assert version in why.text
    assert "0.165" in why.text


def test_the_installed_releases_have_known_digests():
    """After a change of the tested range: python -m fasterapi.plan.digest."""
    for name, known in digest.KNOWN.items():
        assert digest.source_digest(name) in known


def test_an_untested_version_with_the_files_of_a_tested_one_compiles(monkeypatch):
    monkeypatch.setattr(fastapi, "__version__", "0.166.7")
    monkeypatch.setattr(starlette, "__version__", "1.77")
    assert check_internals() == []
    monkeypatch.setattr(pydantic, "VERSION", "2.77")  # its core is no Python: nothing to compare
    assert codes() == ["version"]


def test_one_other_byte_is_another_digest(monkeypatch, tmp_path):
    folder = tmp_path / "fastapi"
    shutil.copytree(Path(fastapi.__file__).parent, folder)
    monkeypatch.setitem(
        digest._PACKAGES, "fastapi", types.SimpleNamespace(__file__=str(folder / "__init__.py"))
    )
    assert digest.is_known("fastapi")
    (folder / "openapi" / "utils.py").write_text("other")
    (folder / "__init__.py").write_text("other")
    assert digest.is_known("fastapi")
    with (folder / "routing.py").open("a") as file:
        file.write("\n")
    assert not digest.is_known("fastapi")
    shutil.rmtree(folder)
    assert not digest.is_known("fastapi")
    assert not digest.is_known("pydantic")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (fastapi.routing, "get_request_handler"),
        (fastapi.routing, "run_endpoint_function"),
        (fastapi.routing, "serialize_response"),
        (fastapi.routing, "solve_dependencies"),
        (fastapi.routing.APIRoute, "handle"),
        (fastapi.routing.APIRoute, "matches"),
        (fastapi.dependencies.utils, "request_params_to_args"),
        (fastapi.FastAPI, "build_middleware_stack"),
        (JSONResponse, "render"),
    ],
)
def test_patched_function(monkeypatch, owner, name):
    app = FasterAPI(openapi_url=None)
    app.get("/x")(lambda: 1)
    plan = plan_app(app)
    original = getattr(owner, name)

    @functools.wraps(original)
    def patch(*args, **kw):
        return original(*args, **kw)

    monkeypatch.setattr(owner, name, patch)
    (why,) = check_internals()
    assert why.code == "patched"
    assert name in why.text
    assert is_patched()
    assert not plan.is_current(app)
    assert plan_app(app).compiled == 0


def test_a_patch_made_before_the_import_is_seen(monkeypatch):
    """The function is the one seen at import, but its code is not the library's."""
    original = fastapi.routing.serialize_response

    async def patch(*args, **kw):
        return await original(*args, **kw)

    monkeypatch.setattr(fastapi.routing, "serialize_response", patch)
    monkeypatch.setitem(fingerprint._SEEN, "fastapi.routing.serialize_response", patch)
    assert codes() == ["patched"]


def test_a_patch_with_another_signature_is_told_once(monkeypatch):
    monkeypatch.setattr(fastapi.routing, "get_request_handler", lambda *args, **kw: None)
    assert codes() == ["patched"]


def test_a_function_that_is_gone(monkeypatch):
    monkeypatch.delattr(fastapi.routing, "_build_response_args")
    assert codes() == ["internals"]


def test_new_and_missing_fields(monkeypatch):
    @dataclasses.dataclass
    class Dependant:
        path_params: list[int]
        new_field: int

    monkeypatch.setattr(fingerprint, "Dependant", Dependant)
    texts = [one.text for one in check_internals()]
    assert any("has a new field 'new_field'" in text for text in texts)
    assert any("lacks its field 'query_params'" in text for text in texts)
    assert set(codes()) == {"internals"}


def test_handler_of_another_make(monkeypatch):
    monkeypatch.setattr(fingerprint, "HANDLER_CODE", None)
    assert codes() == ["internals"]


def test_looking_never_raises(monkeypatch):
    monkeypatch.setattr(fastapi, "__version__", None)
    (why,) = check_internals()
    assert why.code == "internals"


def test_another_interpreter(monkeypatch):
    monkeypatch.setattr(fingerprint.sys.implementation, "name", "pypy")
    assert codes() == ["internals"]
