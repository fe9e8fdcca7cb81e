"""The types of parameters and fields: how they are written, and values that fit or do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from difftest.maker import Maker

__all__ = ["BY_NAME", "SCALARS", "Kind", "bad_json", "constraints", "good_json", "odd_texts"]


@dataclasses.dataclass(frozen=True)
class Kind:
    """One type. text: its annotation; good: texts that fit; odd: texts that may not; default: as
    Python; json: values in JSON that fit; limits: arguments of Query() and the like."""

    text: str
    good: tuple[str, ...]
    odd: tuple[str, ...]
    default: str
    json: tuple[Any, ...]
    limits: tuple[str, ...] = ()


_UUID = "11111111-2222-3333-4444-555555555555"
_NUMBERS = (
    "ge=0", "gt=-3", "le=100", "lt=7", "multiple_of=2", "ge=1, le=5", "strict=True", "title='T'",
)  # fmt: skip
_TEXTS = (
    "min_length=1", "max_length=3", "min_length=2, max_length=4", "pattern='^[a-z]+$'",
    "description='D'", "deprecated=True", "strict=True", "include_in_schema=False",
)  # fmt: skip

SCALARS: tuple[Kind, ...] = (
    Kind("int", ("1", "0", "-5", "42", "7"), ("", "x", "1.0", "1.5", " 1", "+1", "1_000", "9" * 30, "true"), "3", (1, 0, -7, 10**20), _NUMBERS),
    Kind("str", ("a", "abc", "two words", "é", "null", "0"), ("", " ", "\x00", "a/b", "%", "+", "x" * 300, "😀"), "'dflt'", ("a", "", "é\u2028", '"\\'), _TEXTS),
    Kind("float", ("1.5", "2", "-0.25", "1e3"), ("", "nan", "inf", "-inf", "1e400", " 2 ", "x", "1_0.5"), "0.5", (1.5, 2, -1e-7, 1e16), (*_NUMBERS[:5], "allow_inf_nan=False")),
    Kind("bool", ("true", "0", "on", "No", "T"), ("", "2", " true", "maybe", "1.0"), "True", (True, False)),
    Kind("uuid.UUID", (_UUID, _UUID.replace("-", "").upper()), ("", "1", _UUID[:-1], "{" + _UUID + "}"), f"uuid.UUID('{_UUID}')", (_UUID,)),
    Kind("datetime.datetime", ("2024-05-06T07:08:09", "2024-05-06T07:08:09.5Z", "0"), ("", "2024", "2024-13-01T00:00:00", "x", "2024-05-06 07:08+02:00"), "datetime.datetime(2020, 1, 2)", ("2024-05-06T07:08:09Z", 1700000000)),
    Kind("datetime.date", ("2024-05-06",), ("", "0", "2024-05-06T01:00:00", "x"), "datetime.date(2020, 1, 2)", ("2024-05-06",)),
    Kind("datetime.timedelta", ("PT1.5S", "90", "1 day, 02:03:04"), ("", "x", "P"), "datetime.timedelta(1)", ("PT1H", 5)),
    Kind("datetime.time", ("07:08:09",), ("", "25:00", "x"), "datetime.time(1, 2)", ("07:08:09.123",)),
    Kind("decimal.Decimal", ("1.10", "-3"), ("", "x", "nan", "1e5"), "decimal.Decimal('2.50')", ("1.10", 2.5, 3), ("max_digits=4", "decimal_places=1", "ge=0")),
    Kind("Colour", ("red", "blue"), ("", "RED", "green"), "Colour.red", ("red", "blue")),
    Kind("Level", ("1", "2"), ("", "3", "1.0", "low"), "Level.low", (1, 2)),
    Kind("Literal['a', 'b']", ("a", "b"), ("", "c", "A"), "'a'", ("a", "b")),
    Kind("Literal[1, 'x']", ("x",), ("1", "", "y"), "1", (1, "x")),
    Kind("int | str", ("1", "a"), ("", "1.0", " 1"), "'u'", (1, "a", "1")),
    Kind("float | bool | None", ("1", "1.5"), ("true", "", "x"), "None", (1.5, True, None)),
    Kind("ipaddress.IPv4Address", ("127.0.0.1",), ("", "1.2.3", "::1"), "ipaddress.IPv4Address('1.2.3.4')", ("10.0.0.1",)),
    Kind("Even", ("2", "-4"), ("3", "x", ""), "2", (2, 0)),
    Kind("Short", ("ab", "abc"), ("", "abcd", "é"), "'ab'", ("ab",)),
    Kind("bytes", ("ab", "é"), ("",), "b'raw'", ("ab",)),
    Kind("Any", ("1", "a"), ("", "null"), "None", (1, "a", None, [1.5], {"k": None})),
)  # fmt: skip
BY_NAME: Mapping[str, Kind] = {kind.text: kind for kind in SCALARS}

#: Types that are not Python's, in front of every program that may use them.
NAMED = """
class Colour(str, enum.Enum):
    red = "red"
    blue = "blue"


class Level(enum.IntEnum):
    low = 1
    high = 2


def even(value):
    if value % 2:
        raise ValueError("odd")
    return value


Even = Annotated[int, AfterValidator(even)]
Short = Annotated[str, Field(min_length=1, max_length=3)]

"""
__all__ += ["NAMED"]


def good_json(maker: Maker, kind: Kind) -> Any:
    return maker.pick(kind.json)


def bad_json(maker: Maker) -> Any:
    return maker.pick(
        (None, "x", -1, 1.5, True, [], {}, [[1]], {"a": {"b": 1}}, "1", "\ud83d", 1e300)
    )


def constraints(maker: Maker, kind: Kind) -> str:
    """Arguments for Query() and the like: nearly always none."""
    if kind.limits and maker.chance(3):
        return maker.pick(kind.limits)
    return ""


def odd_texts(maker: Maker, kind: Kind) -> str:
    return maker.pick((*kind.odd, *kind.good))
