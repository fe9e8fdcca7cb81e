"""Generated parameters against FastAPI in this process, generated values against json.dumps."""

import importlib.util
import json
import os
import pickle
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from asgi_call import call
from hypothesis import given
from hypothesis import strategies as st
from live_server import APPS, LiveServer, start_fasterapi
from wire import Connection, Response


@pytest.fixture(scope="module")
def reference_app() -> Any:
    """The app as plain FastAPI, in this process."""
    old = os.environ.get("COMPARE_CLASS")
    os.environ["COMPARE_CLASS"] = "fastapi"
    try:
        spec = importlib.util.spec_from_file_location("generated_app", APPS / "generated_app.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        if old is None:
            del os.environ["COMPARE_CLASS"]
        else:
            os.environ["COMPARE_CLASS"] = old
    return module.app


class Client:
    """One kept-alive connection to the live server, made anew when the server closes it."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.connection = Connection(server.address)

    def get(
        self, path: bytes, query: bytes = b"", headers: Any = (), method: bytes = b"GET"
    ) -> Response:
        target = path + (b"?" + query if query else b"")
        lines = [method + b" " + target + b" HTTP/1.1", b"Host: testserver"]
        lines += [name + b": " + text for name, text in headers]
        self.connection.send(b"\r\n".join([*lines, b"", b""]))
        response = self.connection.read_response(method)
        if response.header(b"connection") == b"close":
            self.connection.close()
            self.connection = Connection(self.server.address)
        return response


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    server = start_fasterapi("generated_app.py")
    client = Client(server)
    yield client
    client.connection.close()
    assert server.stop() == 0, server.output


WHITE = st.sampled_from(["", "", "", " ", "\t", "\n", "\u00a0", "\u2003"])
SIGNS = st.sampled_from(["", "", "-", "+", "--", "+-"])
DIGITS = st.text("0123456789", min_size=0, max_size=25)
GROUPS = st.lists(DIGITS, min_size=1, max_size=3).map("_".join)
NUMBERS = st.builds(
    lambda *parts: "".join(parts),
    WHITE,
    SIGNS,
    GROUPS,
    st.sampled_from(["", "", ".", ".0", ".00", ".5", ".0_0", ".1_1"]),
    st.sampled_from(["", "", "e3", "E-2", "e+1", "e", "e400", "e-400", "e_1"]),
    WHITE,
)
INTEGERS = st.one_of(st.integers().map(str), NUMBERS, st.text(max_size=4))
FLOATS = st.one_of(
    st.floats().map(repr),
    NUMBERS,
    st.sampled_from(["inf", "-inf", "+inf", "infinity", "INF", "nan", "-nan", "NaN", "in", "1e"]),
)
WORDS = ["true", "false", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n", "2", "tr", "none"]
BOOLS = st.builds(
    lambda word, flips, white: (
        white + "".join(c.upper() if flip else c for c, flip in zip(word, flips, strict=False))
    ),
    st.sampled_from(WORDS),
    st.lists(st.booleans(), min_size=5, max_size=5),
    WHITE,
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
PARAMETERS = {"int": INTEGERS, "float": FLOATS, "bool": BOOLS, "str": TEXTS}


def same(client: Client, app: Any, path: bytes, query: bytes = b"", headers: Any = ()) -> None:
    ours = client.get(path, query, headers)
    assert (ours.status, ours.body) == call(app, "GET", path, query, tuple(headers))


@pytest.mark.parametrize("kind", PARAMETERS)
def test_one_value(kind: str, client: Client, reference_app: Any):
    @given(PARAMETERS[kind], PARAMETERS[kind], st.booleans())
    def check(in_path: str, in_query: str, plus: bool) -> None:
        path = f"/{kind}/{quote(in_path, safe='')}".encode()
        query = ("q=" + (quote_plus if plus else quote)(in_query, safe="")).encode()
        same(client, reference_app, path, query)

    check()


ESCAPES = st.sampled_from(
    [*"abc=&;+%/?:@ \"'".replace(" ", "+"), "%", "%2", "%zz", "%FF", "%C3%A9", "%00", "i=", "&s="]
)


@given(st.lists(ESCAPES, max_size=30).map("".join))
def test_any_query_string(client: Client, reference_app: Any, query: str):
    same(client, reference_app, b"/lists", query.replace('"', "%22").encode())


@given(
    st.lists(
        st.tuples(st.sampled_from(["i", "s", "last", "other"]), st.one_of(INTEGERS, TEXTS)),
        max_size=8,
    )
)
def test_lists(client: Client, reference_app: Any, pairs: list[tuple[str, str]]):
    query = "&".join(f"{name}={quote_plus(text)}" for name, text in pairs).encode()
    same(client, reference_app, b"/lists", query)


HEADER_BYTES = st.binary(max_size=20).map(
    lambda raw: bytes(b for b in raw if b == 9 or (b >= 32 and b != 127)).strip(b" \t")
)
COOKIES = st.lists(st.sampled_from([*'abc=;, "\\', "c=", "; ", "\\054", "\xe9"]), max_size=15).map(
    lambda parts: "".join(parts).strip().encode("latin-1")
)


@given(HEADER_BYTES, COOKIES)
def test_header_and_cookie(client: Client, reference_app: Any, text: bytes, cookie: bytes):
    same(client, reference_app, b"/texts", headers=[(b"x-text", text), (b"cookie", cookie)])


# -- values that come back -------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.text(st.characters(max_codepoint=0xFF), max_size=40),
    st.text('"\\/\x00\x1f\x7f\u2028é', max_size=40),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.tuples(inner, inner),
        # FastAPI's encoder drops the keys that SQLAlchemy adds; that is tested elsewhere.
        st.dictionaries(
            st.text(max_size=8).filter(lambda k: not k.startswith("_sa")), inner, max_size=5
        ),
    ),
    max_leaves=30,
)


def encodable(value: Any) -> bool:
    try:
        dumps(value)
    except UnicodeEncodeError:
        return False
    return True


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@given(VALUES)
def test_returned_value_is_what_json_dumps_gives(client: Client, value: Any):
    remembered = client.get(
        b"/remember", b"hexadecimal=" + pickle.dumps(value).hex().encode(), method=b"POST"
    )
    assert remembered.status == 200
    for path in (b"/value", b"/value/def"):
        response = client.get(path)
        if encodable(value):
            assert (response.status, response.body) == (200, dumps(value))
        else:
            assert response.status == 500
