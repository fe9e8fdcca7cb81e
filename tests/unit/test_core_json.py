"""json_bytes: the core's JSON writer gives what json.dumps gives, byte for byte."""

from __future__ import annotations

import datetime
import json
import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from fasterapi import _native
from fasterapi.plan.hooks import encode

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")


def dumps(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode()


keys = st.text().filter(lambda key: not key.startswith("_sa"))
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
finite = scalars.filter(lambda value: not (isinstance(value, float) and math.isinf(value)))
json_values = st.recursive(
    finite,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(json_values)
def test_any_value(value):
    assert core.json_bytes(value) == dumps(value)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@settings(max_examples=300)
def test_floats(values):
    assert core.json_bytes(values) == f"[{','.join(map(repr, values))}]".encode()


@given(st.integers(min_value=-(10**17), max_value=10**17), st.integers(min_value=0, max_value=24))
@settings(max_examples=300)
def test_decimals_and_their_neighbours(number, places):
    value = number / 10**places
    for near in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf)):
        assert core.json_bytes(near) == repr(near).encode()


@given(st.integers(min_value=-80, max_value=80), st.sampled_from([-1, 0, 1]))
@settings(max_examples=300)
def test_powers_of_two_and_their_neighbours(exponent, step):
    """Below a power of two the doubles lie half as far apart, so the rounding is lopsided."""
    bits = struct.unpack("<q", struct.pack("<d", math.ldexp(1.0, exponent)))[0] + step
    (value,) = struct.unpack("<d", struct.pack("<q", bits))
    assert core.json_bytes(value) == repr(value).encode()


@pytest.mark.parametrize(
    "value",
    [
        # Halfway between two shorter decimals; the ends of the interval; all nines.
        4503599627370497.5,
        9007199254740993.0,
        5e-324,
        0.1 + 0.2,
        2.0**-44,
        9.999999999999999e22,
        999999999999999.9,
        99999999999999.98,
        1e15,
        1e16,
        1e-7,
        9.5367431640625e-07,
        123456789012345.67,
    ],
)
def test_hard_floats(value):
    assert core.json_bytes([value, -value]) == f"[{value!r},{-value!r}]".encode()


@pytest.mark.parametrize("size", [1000, 1023, 1024, 1025, 100_000])
def test_texts_that_outgrow_the_first_buffer(size):
    for value in ("x" * size, ["é" * (size // 2)], {"k" * 500: '"' * size}):
        assert core.json_bytes(value) == dumps(value)


class Item(BaseModel):
    name: str
    at: datetime.date


def test_what_the_writer_leaves_to_fastapi():
    item = Item(name="a", at=datetime.date(2026, 1, 2))
    assert core.json_bytes({"items": [item]}) == b'{"items":[{"name":"a","at":"2026-01-02"}]}'
    assert core.json_bytes({"_sa_state": 1, "b": 2}) == encode({"_sa_state": 1, "b": 2})
    assert core.json_bytes((10**30, item.at)) == b"[1" + b"0" * 30 + b',"2026-01-02"]'
    assert core.json_bytes(10**30) == b"1" + b"0" * 30
    with pytest.raises(ValueError):
        core.json_bytes([math.nan])
    with pytest.raises(UnicodeEncodeError):
        core.json_bytes("\ud800")


def test_holds_level(holds_level):
    holds_level(lambda: core.json_bytes({"a": [1, 2.5, "x" * 2000], "b": None}))
    holds_level(lambda: core.json_bytes({"a": datetime.date(2026, 1, 2)}))
