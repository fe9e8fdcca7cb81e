"""The whitelist of schemas: where JSON mode accepts, it must equal json.loads and Python mode."""

import json
import math
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    TypeAdapter,
    create_model,
    field_validator,
    model_validator,
)

from fasterapi.plan.schema import conv_of, json_equals_python, json_validator
from fasterapi.plan.spec import Conv

REFUSED = object()


def schema_of(kind: Any) -> Any:
    return TypeAdapter(kind).core_schema


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, at every depth; NaN equals NaN and 0.0 differs from -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, BaseModel):
        assert isinstance(other, BaseModel)
        return one.model_fields_set == other.model_fields_set and same(one.__dict__, other.__dict__)
    return bool(one == other)


# -- the property ----------------------------------------------------------------------------------

scalars = st.sampled_from(
    [
        str,
        int,
        float,
        bool,
        Literal["a", "b"],
        Annotated[int, Field(ge=-5, lt=10**12)],
        Annotated[float, Field(gt=-1e300, le=1e300)],
        Annotated[float, Field(allow_inf_nan=False)],
        Annotated[str, Field(min_length=1, max_length=4)],
        Annotated[str, Field(pattern="^[a-z]*$")],
    ]
)


def _model(fields: list[tuple[Any, bool]]) -> type[BaseModel]:
    definitions: dict[str, Any] = {}
    for name, (kind, required) in zip("abcdef", fields, strict=False):
        definitions[name] = (kind, ...) if required else (kind | None, None)
    return create_model("M", **definitions)


kinds = st.recursive(
    scalars,
    lambda inner: st.one_of(
        inner.map(lambda kind: kind | None),
        inner.map(lambda kind: list[kind]),
        inner.map(lambda kind: dict[str, kind]),
        st.lists(st.tuples(inner, st.booleans()), min_size=1, max_size=4).map(_model),
    ),
    max_leaves=6,
)

digits = st.text("0123456789", min_size=1, max_size=330).map(lambda text: text.lstrip("0") or "0")
numbers = st.one_of(
    st.integers().map(str),
    digits,
    digits.map(lambda text: "-" + text),
    st.floats().map(json.dumps),
    st.builds("{}.{}e{}".format, digits, digits, st.integers(-330, 330)),
    st.sampled_from(
        ["-0", "-0.0", "0", "1", "1.0", "1e2", "1e400", "NaN", "-Infinity", "1.5", "5e-324"]
    ),
)
texts = st.one_of(
    st.text().map(json.dumps),
    st.text().map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(
        ['"a"', '"b"', '"1"', '" 1 "', '"1_0"', '"true"', '"Off"', '"nan"', '"inf"', '"-0"',
         '"\\ud83d\\ude00"', '"\\ud800"', '"1e3"', '"١"', '"\x7f"', '""'],
    ),
)  # fmt: skip
names = st.sampled_from(['"a"', '"b"', '"c"', '"d"', '"\\u0061"', '"zz"'])
blank = st.sampled_from(["", "", " ", "\n\t"])


def _object(pairs: list[tuple[str, str]], space: str) -> str:
    return "{" + space + ",".join(f"{name}{space}:{value}" for name, value in pairs) + "}" + space


documents = st.recursive(
    st.one_of(numbers, texts, st.sampled_from(["null", "true", "false"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.builds(_object, st.lists(st.tuples(names, inner), max_size=6), blank),
    ),
    max_leaves=12,
)


def matching(kind: Any) -> st.SearchStrategy[str]:
    """Documents of the right shape, so that most of them are accepted."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = [
            st.tuples(st.just(json.dumps(name)), matching(field.annotation))
            for name, field in kind.model_fields.items()
        ]
        return st.builds(lambda *pairs: _object(list(pairs), " "), *fields)
    origin = getattr(kind, "__origin__", None)
    if origin is list:
        inner = matching(kind.__args__[0])
        return st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
    if origin is dict:
        pairs = st.lists(st.tuples(names, matching(kind.__args__[1])), max_size=4)
        return st.builds(_object, pairs, blank)
    return st.one_of(numbers, texts, st.sampled_from(["true", "false", "null"]))


def check(kind: Any, document: bytes) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    validate = json_validator(adapter.core_schema, adapter.validator)
    assert validate is not None
    try:
        fast = validate(document)
    except ValueError:
        return  # handed over
    slow = adapter.validator.validate_python(json.loads(document), from_attributes=True)
    assert same(fast, slow), (document, fast, slow)


@given(st.data(), kinds)
def test_json_mode_equals_python_mode(data: st.DataObject, kind: Any):
    document = data.draw(st.one_of(documents, matching(kind)))
    try:
        raw = document.encode()
    except UnicodeEncodeError:
        return
    check(kind, raw)


@given(st.sampled_from([float, int, list[float], dict[str, float]]), numbers)
@example(float, "1" * 309)
@example(float, "-" + "9" * 400)
@example(int, "1" * 400)
def test_numbers_are_read_alike(kind: Any, number: str):
    for document in (number, f"[{number}]", f'{{"a":{number}}}'):
        check(kind, document.encode())


@given(st.sampled_from([str, int, dict[str, str], list[str]]), st.binary(max_size=12))
@example(str, b'"\xed\xa0\x80"')
@example(int, b"\xef\xbb\xbf1")
@example(int, "12".encode("utf-16"))
@example(int, "12".encode("utf-16-le"))
def test_odd_bytes_are_read_alike_or_refused(kind: Any, document: bytes):
    check(kind, document)


def test_a_huge_integer_is_no_infinite_float():
    adapter = TypeAdapter(float)
    assert adapter.validator.validate_json(b"9" * 400) == math.inf  # what must not get through
    validate = json_validator(adapter.core_schema, adapter.validator)
    assert validate is not None
    with pytest.raises(ValueError, match="float"):
        validate(b"9" * 400)
    assert validate(b"9" * 308) == float("9" * 308)


def test_deep_nesting_is_refused_not_crashed():
    class Node(BaseModel):
        child: "Node | None" = None

    adapter = TypeAdapter(Node)
    validate = json_validator(adapter.core_schema, adapter.validator)
    assert validate is not None
    assert validate(b'{"child":{"child":null}}') == Node(child=Node())
    with pytest.raises(ValueError):
        validate(b'{"child":' * 5000 + b"null" + b"}" * 5000)


# -- what is on the list ---------------------------------------------------------------------------


class Plain(BaseModel):
    number: int = Field(ge=0, alias="n")
    words: list[str] = Field(default_factory=list)
    parent: "Plain | None" = None


class Color(Enum):
    RED = "red"


class WithValidator(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def double(cls, value: int) -> int:
        return value * 2


class WithModelValidator(BaseModel):
    number: int

    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        return value


class WithInit(BaseModel):
    number: int

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)


class WithPrivate(BaseModel):
    number: int
    _note: str = PrivateAttr("")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    number: int


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True)
    text: str


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    number: int = Field(alias="n")


class Choices(BaseModel):
    number: int = Field(validation_alias=AliasChoices("n", "m"))


class Root(RootModel[list[int]]):
    pass


class ValidatedDefault(BaseModel):
    number: int = Field(default=1, validate_default=True)


class DataDefault(BaseModel):
    one: int
    two: int = Field(default_factory=lambda data: data["one"])


@pytest.mark.parametrize(
    "kind", [str, int, list[int], dict[str, bool], int | None, Plain, list[Plain], Literal["x"]]
)
def test_on_the_list(kind: Any):
    assert json_equals_python(schema_of(kind)) == (True, False)


@pytest.mark.parametrize("kind", [float, list[float], dict[str, float | None]])
def test_floats_are_known(kind: Any):
    assert json_equals_python(schema_of(kind)) == (True, True)


@pytest.mark.parametrize(
    "kind",
    [
        Any,
        bytes,
        list,
        dict,
        dict[int, int],
        dict[Annotated[str, Field(min_length=1)], int],
        Annotated[dict[str, int], Field(max_length=2)],
        set[int],
        tuple[int, str],
        int | str,
        Literal[1, "a"],
        Color,
        Literal[Color.RED],
        Annotated[int, Field(strict=True)],
        Annotated[int, AfterValidator(abs)],
        WithValidator,
        WithModelValidator,
        WithInit,
        WithPrivate,
        Strict,
        Extra,
        Stripped,
        ByName,
        Choices,
        Root,
        ValidatedDefault,
        DataDefault,
        list[WithValidator],
    ],
)
def test_not_on_the_list(kind: Any):
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    assert json_equals_python(adapter.core_schema)[0] is False
    assert json_validator(adapter.core_schema, adapter.validator) is None


def test_an_unknown_kind_or_key_is_not_on_the_list():
    assert json_equals_python({"type": "new-thing"})[0] is False
    assert json_equals_python({"type": "int", "new_key": 1})[0] is False
    assert json_equals_python({"type": "definition-ref", "schema_ref": "nowhere"})[0] is False


# -- scalars ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "conv"),
    [
        (str, Conv.STR),
        (int, Conv.INT),
        (float, Conv.FLOAT),
        (bool, Conv.BOOL),
        (int | None, Conv.INT),
        (Annotated[int | None, Field(default=3)], Conv.INT),
        (Annotated[int, Field(ge=1)], Conv.VALIDATOR),
        (Annotated[int, Field(strict=True)], Conv.VALIDATOR),
        (Annotated[str, Field(max_length=3)], Conv.VALIDATOR),
        (Color, Conv.VALIDATOR),
        (int | str, Conv.VALIDATOR),
        (Annotated[int, AfterValidator(abs)], Conv.VALIDATOR),
    ],
)
def test_conv(kind: Any, conv: Conv):
    assert conv_of(schema_of(kind)) is conv
