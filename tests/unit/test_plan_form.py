"""Forms: the short way gives what FastAPI gives, and what is not certain is refused."""

from __future__ import annotations

import inspect
import io
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote_plus

import pytest
from fastapi import APIRouter, Body, FastAPI, File, Form, UploadFile
from fastapi.dependencies.utils import request_body_to_args
from fastapi.routing import iter_route_contexts
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field, Json
from starlette.datastructures import FormData, Headers
from starlette.formparsers import FormParser

import fasterapi.plan.form
from fasterapi import _native
from fasterapi.plan.form import OpenForm, _plain_groups, close_files, holds_files, plan_form
from fasterapi.plan.scheme import run_now
from fasterapi.plan.scope import FormLimits

URLENCODED = "application/x-www-form-urlencoded"


class Plain(BaseModel):
    a: int = 1
    many: list[int] = []
    text: str | None = None


class Open(Plain):
    model_config = {"extra": "allow"}


class Closed(BaseModel):
    model_config = {"extra": "forbid"}
    a: str


class Choices(BaseModel):
    a: Annotated[int, Field(validation_alias=AliasChoices("b", "many"))] = 0


class WithFile(BaseModel):
    upload: UploadFile
    a: int = 0


class WithBytes(BaseModel):
    a: int = 0
    raw: Annotated[bytes, File()] = b""


#: The parameters of one function, and whether all of them are plain.
FORMS: dict[str, tuple[dict[str, Any], bool]] = {
    "one": ({"a": Annotated[str, Form()]}, True),
    "several": ({"a": Annotated[int, Form()], "many": Annotated[list[str], Form()]}, True),
    "defaults": ({"a": (Annotated[int, Form()], 7), "many": (Annotated[list[int], Form()], [7])}, True),
    "alias": ({"x": Annotated[str, Form(alias="b")], "a": Annotated[str | None, Form()]}, True),
    "model": ({"m": Annotated[Plain, Form()]}, True),
    "open": ({"m": Annotated[Open, Form()]}, True),
    "closed": ({"m": Annotated[Closed, Form()]}, True),
    "two models": ({"m": Annotated[Plain, Form()], "n": Annotated[Open, Form()]}, True),
    "model and field": ({"m": Annotated[Open, Form()], "b": Annotated[str, Form()]}, True),
    "optional": ({"m": (Annotated[Plain | None, Form()], None)}, False),
    "union": ({"m": Annotated[Closed | Plain, Form()]}, False),
    "choices": ({"m": Annotated[Choices, Form()]}, False),
    "two names": ({"x": Annotated[str, Form(validation_alias=AliasChoices("a", "b"))]}, False),
    "json": ({"a": Annotated[Json[list[int]], Form()]}, False),
    "body": ({"a": Annotated[str, Form()], "b": Annotated[str, Body()]}, False),
    "bytes": ({"a": (Annotated[bytes, File()], b"-")}, False),
}  # fmt: skip
NAMES = ("a", "b", "many", "text", "x", "é", "")
TEXTS = st.sampled_from(["", "1", "2", "x", "[1]", "é", "a&b=c", "+ +", " 1"])
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=8)
REFUSED = "refused"


def group_of(parameters: dict[str, Any]) -> tuple[list[Any], bool]:
    """(fields, embed) of a function with these parameters, as FastAPI sees them."""
    router = APIRouter()

    def read(**_: Any): ...

    listed = []
    for name, given_ in parameters.items():
        annotation, default = given_ if isinstance(given_, tuple) else (given_, inspect._empty)
        listed.append(
            inspect.Parameter(name, inspect._ParameterKind.KEYWORD_ONLY, annotation=annotation, default=default)
        )  # fmt: skip
    read.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    router.post("/x")(read)
    route = router.routes[-1]
    return route.dependant.body_params, route._embed_body_fields


def of_fastapi(fields: list[Any], form: FormData, embed: bool) -> Any:
    values, errors = run_now(request_body_to_args(fields, form, embed))
    return REFUSED if errors else values


def refused_or(call: Any) -> Any:
    try:
        return call()
    except ValueError:
        return REFUSED


def encoded(pairs: list[tuple[str, str]]) -> bytes:
    return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in pairs).encode()


@pytest.mark.parametrize("name", FORMS)
def test_forms_give_what_fastapi_gives(name: str):
    parameters, is_plain = FORMS[name]
    fields, embed = group_of(parameters)
    assert (_plain_groups([fields]) is not None) is is_plain
    spec = plan_form([fields], embed, {}, False)
    assert spec.from_pairs is not None

    @settings(max_examples=80)
    @given(PAIRS)
    def check(pairs: list[tuple[str, str]]) -> None:
        expected = of_fastapi(fields, FormData(pairs), embed)
        if expected is not REFUSED:
            expected = (expected,)
        assert spec.from_pairs is not None
        assert refused_or(lambda: spec.from_pairs(list(pairs))) == expected
        assert refused_or(lambda: spec.from_bytes(URLENCODED, encoded(pairs))) == expected

    check()


def test_lists_are_nobody_elses():
    fields, embed = group_of(FORMS["open"][0])
    spec = plan_form([fields, fields], embed, {}, False)
    assert spec.from_pairs is not None
    one, other = spec.from_pairs([("z", "1"), ("z", "2")])
    one["m"].z.append("3")
    assert other["m"].z == ["1", "2"]


# -- limits ----------------------------------------------------------------------------------------


def test_limits_are_those_of_the_parser():
    fields, embed = group_of(FORMS["one"][0])
    spec = plan_form([fields], embed, {"max_fields": 2}, False)
    assert spec.from_pairs is not None
    assert spec.from_pairs([("a", "1"), ("b", "2")]) == ({"a": "1"},)
    with pytest.raises(ValueError, match="too many"):
        spec.from_pairs([("a", "1"), ("b", "2"), ("c", "3")])
    with pytest.raises(Exception, match="Too many fields"):
        spec.from_bytes(URLENCODED, b"a=1&b=2&c=3")


def test_a_small_limit_for_parts_leaves_the_splitting_to_the_parser():
    fields, embed = group_of(FORMS["one"][0])
    spec = plan_form([fields], embed, {"max_part_size": 100}, False)
    assert spec.from_pairs is None
    with pytest.raises(Exception, match="maximum size"):
        spec.from_bytes(URLENCODED, b"a=" + b"x" * 100)


def test_limits_come_from_the_app_and_its_routers():
    app = FastAPI(form_limits={"max_fields": 1, "max_files": 1}, openapi_url=None)
    inner = APIRouter(form_limits={"max_files": 2})

    @app.post("/a")
    def a(): ...

    @inner.post("/b", form_limits={"max_part_size": 3})
    def b(): ...

    app.include_router(inner)
    limits = FormLimits(app)
    found = {
        context.path: limits.of(context, context.original_route.form_limits)
        for context in iter_route_contexts(app.router.routes)
    }
    assert found == {
        "/a": {"max_fields": 1, "max_files": 1},
        "/b": {"max_fields": 1, "max_files": 2, "max_part_size": 3},
    }


def test_a_parser_that_splits_in_another_way_is_used_itself(monkeypatch: pytest.MonkeyPatch):
    class Other(FormParser):
        async def parse(self) -> FormData:
            return FormData([("a", "other")])

    fasterapi.plan.form._core_splits.cache_clear()
    monkeypatch.setattr(fasterapi.plan.form, "FormParser", Other)
    try:
        fields, embed = group_of(FORMS["one"][0])
        assert plan_form([fields], embed, {}, False).from_pairs is None
    finally:
        fasterapi.plan.form._core_splits.cache_clear()


def test_the_installed_parser_splits_as_the_core_does():
    assert fasterapi.plan.form._core_splits()
    assert _native.core is not None

    async def chunks(body: bytes) -> Any:
        yield body

    @settings(max_examples=300)
    @given(st.text("&=+%;a41éß\x00 ", max_size=12))
    def check(text: str) -> None:
        body = quote_plus(text, safe="&=+%;").encode()
        form = run_now(FormParser(Headers(), chunks(body)).parse())
        assert form.multi_items() == parse_qsl(body.decode("latin-1"), keep_blank_values=True)

    check()


# -- files -----------------------------------------------------------------------------------------


def multipart(*parts: tuple[str, str]) -> tuple[str, bytes]:
    """parts: (disposition after form-data, text)."""
    body = "".join(
        f"--edge\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n"
        for head, text in parts
    )
    return "multipart/form-data; boundary=edge", (body + "--edge--\r\n").encode()


@pytest.mark.parametrize(
    ("parameters", "holds"),
    [
        ({"a": Annotated[str, Form()]}, False),
        ({"a": Annotated[bytes, File()]}, False),
        ({"a": Annotated[list[bytes] | None, File()]}, False),
        ({"a": UploadFile}, True),
        ({"a": Annotated[list[UploadFile], File()]}, True),
        ({"a": Annotated[Any, File()]}, True),
        ({"m": Annotated[Plain, Form()]}, False),
        ({"m": Annotated[WithBytes, Form()]}, False),
        ({"m": Annotated[WithFile, Form()]}, True),
    ],
)
def test_which_handlers_get_files(parameters: dict[str, Any], holds: bool):
    fields, _ = group_of(parameters)
    assert holds_files([fields]) is holds


def test_a_file_that_nobody_expects_is_refused():
    fields, embed = group_of({"a": Annotated[Any, Form()]})
    spec = plan_form([fields], embed, {}, False)
    with pytest.raises(ValueError, match="somebody may get the file"):
        spec.from_bytes(*multipart(('name="a"; filename="f"', "text")))
    assert spec.from_bytes(*multipart(('name="a"', "text"))) == ({"a": "text"},)


def test_a_file_that_is_read_is_closed_at_once(monkeypatch: pytest.MonkeyPatch):
    made: list[Any] = []

    class Noted(io.BytesIO):
        def __init__(self, max_size: int) -> None:
            super().__init__()
            self._rolled = False
            made.append(self)

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", Noted)
    fields, embed = group_of({"a": Annotated[bytes, File()], "b": Annotated[str, Form()]})
    spec = plan_form([fields], embed, {}, False)
    body = multipart(('name="a"; filename="f"', "text"), ('name="b"', "x"))
    assert spec.from_bytes(*body) == ({"a": b"text", "b": "x"},)
    assert [file.closed for file in made] == [True]


def test_a_form_that_is_kept_is_the_last_value():
    fields, embed = group_of({"a": UploadFile})
    spec = plan_form([fields], embed, {}, True)
    values, form = spec.from_bytes(*multipart(('name="a"; filename="f"', "text")))
    assert form["a"] is values["a"]
    assert values["a"].file.read() == b"text"
    close_files(form)
    assert values["a"].file.closed


class FakeExchange:
    def __init__(self, done: bool, answer: Any) -> None:
        self.done = done
        self.runtime = self
        self.found: dict[str, Any] = {}
        self.answers = lambda exc: answer

    def scope(self) -> dict[str, Any]:
        return self.found


@pytest.mark.parametrize(
    ("done", "answer", "raises", "closes"),
    [
        (True, None, False, True),
        (True, None, True, True),
        (False, None, False, True),
        (False, "an answer", True, True),
        (False, None, True, False),
    ],
)
def test_who_closes_the_files(done: bool, answer: Any, raises: bool, closes: bool):
    file = UploadFile(io.BytesIO(b"text"))
    form = FormData([("a", file), ("b", "text")])
    exchange = FakeExchange(done, answer)
    try:
        with OpenForm(exchange, form):
            if raises:
                raise KeyError
    except KeyError:
        assert raises
    assert file.file.closed is closes
    assert exchange.found == ({} if closes else {"fasterapi.form": form})
