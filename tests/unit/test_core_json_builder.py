"""JSONBuilder: the text is json.dumps's, and what would not be JSON is refused."""

from __future__ import annotations

import copy
import enum
import inspect
import json
import math
import pickle
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fasterapi import _native

core = _native.core
pytestmark = pytest.mark.skipif(core is None, reason="needs the core")
VALUES = ("begin_object", "begin_array", "int_value", "string_value", "null_value")
ARGUMENTS = {
    "int_value": (1,),
    "float_value": (1.5,),
    "string_value": ("s",),
    "bool_value": (True,),
    "raw_value": (b"7",),
    "key": ("k",),
}


@pytest.fixture
def builder():
    return core.JSONBuilder()


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def call(builder, method):
    return getattr(builder, method)(*ARGUMENTS.get(method, ()))


def build(builder, value):
    """The document of a plain value, call by call."""
    if isinstance(value, dict):
        builder.begin_object()
        for key, item in value.items():
            builder.key(key)
            build(builder, item)
        builder.end_object()
    elif isinstance(value, list):
        builder.begin_array()
        for item in value:
            build(builder, item)
        builder.end_array()
    elif value is None:
        builder.null_value()
    else:
        kind = {bool: "bool", int: "int", float: "float", str: "string"}[type(value)]
        getattr(builder, f"{kind}_value")(value)
    return builder


# --- what it writes ---------------------------------------------------------------------


def test_a_document(builder):
    builder.begin_object().key("a").int_value(1).key("b").begin_array()
    builder.string_value("x").float_value(1.5).bool_value(True).bool_value(False)
    builder.null_value().begin_object().end_object().raw_value(b'{"raw":1}').end_array()
    assert builder.end_object().finish() == b'{"a":1,"b":["x",1.5,true,false,null,{},{"raw":1}]}'


def test_calls_return_the_builder(builder):
    builder.begin_array()
    for method in (*ARGUMENTS, "null_value", "begin_array", "end_array", "begin_object"):
        if method != "key":
            assert call(builder, method) is builder
    assert builder.key("k") is builder
    assert builder.null_value().end_object() is builder
    assert builder.reset() is builder


@pytest.mark.parametrize("value", [1, -1.5, "s", True, None, [], {}])
def test_one_value_is_a_document(builder, value):
    assert build(builder, value).finish() == dumps(value)


@pytest.mark.parametrize(
    "value", [0, -1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**4000]
)
def test_ints_of_any_size(builder, value):
    assert builder.int_value(value).finish() == dumps(value)


def test_ints_too_long_for_python(builder):
    with pytest.raises(ValueError, match="Exceeds the limit"):
        builder.int_value(1 << 20_000)
    assert builder.int_value(1).finish() == b"1"


def test_ints_that_are_more_than_ints(builder):
    class Number(int):
        def __repr__(self):
            return "mine"

        __str__ = __repr__

    class Colour(enum.IntEnum):
        RED = 2**70

    class Index:
        def __index__(self):
            return 3

    builder.begin_array().int_value(Number(5)).int_value(Number(2**80)).int_value(Colour.RED)
    builder.int_value(Index()).int_value(True).end_array()
    assert builder.finish() == dumps([5, 2**80, 2**70, 3, 1])


@pytest.mark.parametrize(
    "value",
    [0.0, -0.0, 0.1, 1e16, 1e22, 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 1 / 3],
)
def test_floats_as_repr(builder, value):
    assert builder.float_value(value).finish() == repr(value).encode()


def test_floats_from_other_numbers(builder):
    class Real:
        def __float__(self):
            return 2.5

    builder.begin_array().float_value(3).float_value(Real()).end_array()
    assert builder.finish() == b"[3.0,2.5]"


@given(st.text())
def test_text_like_json(text):
    builder = core.JSONBuilder().begin_object().key(text).string_value(text).end_object()
    assert builder.finish() == dumps({text: text})


@pytest.mark.parametrize(
    "text", ["", '"\\/\b\f\n\r\t\0\x1f\x7f', "é", "\xff" * 100, "☃", "😀" * 50]
)
def test_text_of_every_width(builder, text):
    assert builder.string_value(text).finish() == dumps(text)


def test_text_of_a_subclass(builder):
    class Text(str):
        def __str__(self):
            return "mine"

    assert builder.begin_object().key(Text("k")).string_value(Text("v")).end_object().finish() == (
        b'{"k":"v"}'
    )


@pytest.mark.parametrize("data", ["[1]", b"[1]", bytearray(b"[1]"), memoryview(b"x[1]")[1:]])
def test_raw_values(builder, data):
    assert (
        builder.begin_array().raw_value(data).raw_value(data).end_array().finish() == b"[[1],[1]]"
    )


def test_raw_text_is_utf8(builder):
    assert builder.raw_value('"☃"').finish() == '"☃"'.encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_documents_like_json(value):
    assert build(core.JSONBuilder(), value).finish() == dumps(value)


def test_512_levels(builder):
    for _ in range(512):
        builder.begin_array()
    for method in ("begin_array", "begin_object"):
        with pytest.raises(ValueError, match=f"^{method}: nesting deeper than 512 levels$"):
            call(builder, method)
    builder.null_value()
    for _ in range(512):
        builder.end_array()
    assert builder.finish() == b"[" * 512 + b"null" + b"]" * 512


def test_large_documents(builder):
    text = "0123456789" * 10_000
    builder.begin_array()
    for _ in range(50):
        builder.string_value(text)
    expected = dumps([text] * 50)
    assert builder.end_array().finish() == expected
    assert builder.finish() == expected
    assert builder.reset().int_value(1).finish() == b"1"


def test_finish_again_and_reset(builder):
    builder.begin_array().int_value(1).end_array()
    first = builder.finish()
    assert builder.finish() == first == b"[1]"
    builder.reset().string_value("next")
    assert (first, builder.finish()) == (b"[1]", b'"next"')
    with pytest.raises(ValueError, match="the document is empty"):
        builder.reset().finish()
    builder.reset().begin_object().key("half")
    assert builder.reset().null_value().finish() == b"null"


# --- what it refuses --------------------------------------------------------------------

EMPTY = "a value, the document is empty"
COMPLETE = "nothing more, the document is complete"
IN_ARRAY = "a value or the end of the array"
IN_OBJECT = "a key or the end of the object"
AFTER_KEY = "the value of the key"


@pytest.mark.parametrize(
    ("before", "method", "expected"),
    [
        ([], "key", EMPTY),
        ([], "end_object", EMPTY),
        ([], "end_array", EMPTY),
        ([], "finish", EMPTY),
        *((["null_value"], method, COMPLETE) for method in (*VALUES, "key", "end_array")),
        *((["begin_array", "end_array"], method, COMPLETE) for method in VALUES),
        (["begin_array"], "key", IN_ARRAY),
        (["begin_array"], "end_object", IN_ARRAY),
        (["begin_array"], "finish", IN_ARRAY),
        (["begin_array", "int_value"], "key", IN_ARRAY),
        *((["begin_object"], method, IN_OBJECT) for method in (*VALUES, "end_array", "finish")),
        *((["begin_object", "key", "int_value"], method, IN_OBJECT) for method in VALUES),
        (["begin_object", "key"], "key", AFTER_KEY),
        (["begin_object", "key"], "end_object", AFTER_KEY),
        (["begin_object", "key"], "end_array", AFTER_KEY),
        (["begin_object", "key"], "finish", AFTER_KEY),
    ],
)
def test_wrong_order(builder, before, method, expected):
    for step in before:
        call(builder, step)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"^{method}: expected {expected}$"):
            call(builder, method)


def test_a_refused_call_changes_nothing(builder):
    builder.begin_object()
    for bad in (
        lambda: builder.int_value(1),
        lambda: builder.end_array(),
        lambda: builder.finish(),
        lambda: builder.key("\ud800"),
    ):
        with pytest.raises(ValueError):
            bad()
    builder.key("a").begin_array().int_value(1)
    for bad in (
        lambda: builder.string_value("x" * 5000 + "\udfff"),
        lambda: builder.float_value(math.nan),
        lambda: builder.key("k"),
        lambda: builder.raw_value(b""),
        lambda: builder.raw_value(""),
    ):
        with pytest.raises(ValueError):
            bad()
    assert builder.int_value(2).end_array().end_object().finish() == b'{"a":[1,2]}'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_json_does_not_have(builder, value):
    with pytest.raises(ValueError, match="expected a finite number"):
        builder.float_value(value)


@pytest.mark.parametrize("text", ["\ud800", "a\udfff", "\ud83d\ude00", "😀\ud800"])
def test_lone_surrogates(builder, text):
    with pytest.raises(UnicodeEncodeError) as expected:
        dumps(text)
    for method in (builder.string_value, builder.begin_object().key):
        builder.reset()
        if method == builder.key:
            builder.begin_object()
        with pytest.raises(UnicodeEncodeError) as caught:
            method(text)
        assert caught.value.reason == expected.value.reason
    with pytest.raises(UnicodeEncodeError):
        builder.reset().raw_value(text)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("key", [None, 1, b"k", ["k"]]),
        ("string_value", [None, 1, b"s", bytearray(b"s")]),
        ("int_value", [None, "1", 1.0, b"1", []]),
        ("float_value", [None, "1.0", b"1", [], 1j]),
        ("bool_value", [None, 0, 1, "True"]),
        ("raw_value", [None, 1, ["1"], object()]),
    ],
)
def test_wrong_types(builder, method, values):
    builder.begin_object()
    if method != "key":
        builder.key("k")
    for value in values:
        with pytest.raises(TypeError):
            getattr(builder, method)(value)
    assert call(builder, method) is builder


def test_raw_values_that_are_not_contiguous(builder):
    with pytest.raises(BufferError):
        builder.raw_value(memoryview(b"1234")[::2])
    assert builder.raw_value(b"1").finish() == b"1"


def test_wrong_numbers_of_arguments(builder):
    for bad in (
        lambda: core.JSONBuilder(1),
        lambda: core.JSONBuilder(size=1),
        lambda: builder.begin_object(1),
        lambda: builder.key(),
        lambda: builder.key("a", "b"),
        lambda: builder.key(name="a"),
        lambda: builder.finish(1),
        lambda: builder.reset(1),
    ):
        with pytest.raises(TypeError):
            bad()


def test_arguments_that_use_the_builder(builder):
    """The argument is looked at before the document is: what it adds comes first."""

    class Index:
        def __index__(self):
            builder.string_value("index")
            return 1

    class Real:
        def __float__(self):
            builder.reset().begin_array()
            return 2.0

    class Raises:
        def __index__(self):
            raise KeyError("mine")

    builder.begin_array().int_value(Index())
    assert builder.end_array().finish() == b'["index",1]'
    with pytest.raises(KeyError, match="mine"):
        builder.int_value(Raises())
    builder.float_value(Real())
    assert builder.end_array().finish() == b"[2.0]"


def test_a_buffer_that_uses_the_builder(builder):
    class Data(bytearray):
        def __buffer__(self, flags):
            builder.string_value("buffer")
            return super().__buffer__(flags)

        def __release_buffer__(self, view):
            builder.string_value("release")
            super().__release_buffer__(view)

    builder.begin_array().raw_value(Data(b"1"))
    expected = b'["buffer",1,"release"]' if sys.version_info >= (3, 12) else b"[1]"
    assert builder.end_array().finish() == expected


def test_no_uninitialised_objects_no_subclasses_no_copies(builder):
    cls = core.JSONBuilder
    with pytest.raises(TypeError):
        object.__new__(cls)
    assert cls.__new__(cls).null_value().finish() == b"null"
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (cls,), {})
    with pytest.raises(AttributeError):
        builder.other = 1
    with pytest.raises(TypeError):
        cls.key(object(), "k")
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot pickle"):
            copied(builder)
    assert str(inspect.signature(cls)) == "()"
    assert str(inspect.signature(builder.key)) == "(name, /)"


def test_nothing_is_left_behind(holds_level):
    def once():
        builder = core.JSONBuilder()
        build(builder, {"a": [1, 2**70, 1.5, "x☃", None, True]}).finish()
        for bad in (lambda: builder.key("k"), lambda: builder.reset().string_value("\ud800")):
            with pytest.raises(ValueError):
                bad()
        builder.raw_value(bytearray(b"1"))

    holds_level(once)


def test_references_are_level(builder):
    text, base = "a text" + str(id(builder)), []
    for _ in range(2):
        base.append((sys.getrefcount(text), sys.getrefcount(builder)))
        for _ in range(100):
            builder.reset().begin_object().key(text).string_value(text).end_object().finish()
    assert base[0] == base[1]


# --- against a model --------------------------------------------------------------------


class BuilderMachine(RuleBasedStateMachine):
    """Any calls in any order: refused exactly when the model has no place for them."""

    def __init__(self):
        super().__init__()
        self.builder = core.JSONBuilder()
        self.clear()

    def clear(self):
        self.top = []  # the document, once it is complete
        self.open = []  # [container, pending key or None]

    def place_for_value(self):
        if not self.open:
            return not self.top
        container, key = self.open[-1]
        return isinstance(container, list) or key is not None

    def place(self, value):
        if not self.open:
            self.top.append(value)
            return
        container, key = self.open[-1]
        if isinstance(container, list):
            container.append(value)
        else:
            container.append_pair(key, value)
            self.open[-1][1] = None

    def expect(self, fits, call):
        if fits:
            assert call() is self.builder
        else:
            with pytest.raises(ValueError):
                call()
        return fits

    @rule(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5))
    def value(self, value):
        fits = self.place_for_value() and not (
            isinstance(value, float) and not math.isfinite(value)
        )
        if self.expect(fits, lambda: build(self.builder, value)):
            self.place(value)

    @rule(name=st.text(max_size=5))
    def key(self, name):
        in_object = bool(self.open) and isinstance(self.open[-1][0], Pairs)
        if self.expect(in_object and self.open[-1][1] is None, lambda: self.builder.key(name)):
            self.open[-1][1] = name

    @rule(is_object=st.booleans())
    def begin(self, is_object):
        method = self.builder.begin_object if is_object else self.builder.begin_array
        if self.expect(self.place_for_value(), method):
            container = Pairs() if is_object else []
            self.place(container)
            self.open.append([container, None])

    @rule(is_object=st.booleans())
    def end(self, is_object):
        method = self.builder.end_object if is_object else self.builder.end_array
        fits = bool(self.open) and self.open[-1][1] is None
        if self.expect(fits and isinstance(self.open[-1][0], Pairs) is is_object, method):
            self.open.pop()

    @precondition(lambda self: self.top)
    @rule()
    def reset(self):
        self.builder.reset()
        self.clear()

    @invariant()
    def agree(self):
        if self.top and not self.open:
            assert self.builder.finish().decode() == text_of(self.top[0])
        else:
            with pytest.raises(ValueError):
                self.builder.finish()


class Pairs:
    """An object of JSON: keys may come twice."""

    def __init__(self):
        self.pairs = []

    def append_pair(self, key, value):
        self.pairs.append((key, value))


def text_of(value):
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{text_of(k)}:{text_of(v)}" for k, v in value.pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return dumps(value).decode()


def test_like_a_model():
    test = BuilderMachine.TestCase
    test.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
    test().runTest()


def test_threads_on_one_builder_do_no_harm():
    """The text is somebody's nonsense, but JSON, and nothing breaks."""
    builder, documents = core.JSONBuilder(), []
    builder.begin_array()

    def work(text):
        for _ in range(500):
            try:
                builder.string_value(text).begin_array().int_value(1).end_array()
                documents.append(builder.end_array().finish())
                builder.reset().begin_array()
            except ValueError:
                builder.reset().begin_array()

    threads = [threading.Thread(target=work, args=(c * 300,)) for c in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for document in documents:
        json.loads(document)
