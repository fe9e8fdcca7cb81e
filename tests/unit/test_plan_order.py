"""The order of the router's entries: what the core takes is always what FastAPI would take."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.routing import compile_path

from fasterapi.plan.order import Entry, arrange, overlap
from fasterapi.plan.pattern import convertor_names, is_core_pattern, static_prefix
from fasterapi.plan.spec import PlanSpec

SPEC = PlanSpec(handler=print, is_async=False, can_suspend=False)


def entry(path: str, *methods: str, compiled: bool = False, exact: bool = True) -> Entry:
    return Entry(path, methods or ("GET",), SPEC if compiled else None, static_prefix(path), exact)


def matches(one: Entry, method: str, path: str) -> bool:
    if one.methods and method not in one.methods:
        return False
    return compile_path(one.path)[0].match(path) is not None


def core_takes(entries: list[Entry], method: str, path: str) -> Entry | None:
    """What the core's router does: the compiled entry it is certain of, or None to hand over."""
    for one in entries:
        if one.spec is None and path.startswith(one.static_prefix):
            return None
        if one.spec is not None and matches(one, method, path):
            return one
    return None


segments = st.sampled_from(
    ["a", "b", "7", "", "{x}", "{x:int}", "{x:float}", "{x:str}", "{x:path}", "1.5"]
)


def _path(parts: list[str]) -> str:
    named = [part.replace("{x", f"{{p{at}") for at, part in enumerate(parts)]
    kept = [part for at, part in enumerate(named) if ":path" not in part or at == len(named) - 1]
    return "/" + "/".join(kept)


paths = st.lists(segments, min_size=1, max_size=3).map(_path)
entries = st.builds(
    lambda path, methods, compiled, exact: Entry(
        path, tuple(methods), SPEC if compiled else None, static_prefix(path), exact or compiled
    ),
    paths,
    st.sampled_from([["GET"], ["POST"], ["GET", "POST"]]),
    st.booleans(),
    st.booleans(),
)
requests = st.lists(st.sampled_from(["a", "b", "7", "", "1.5", "-1", "a b"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@given(st.lists(entries, max_size=8), st.sampled_from(["GET", "POST"]), requests)
@example([entry("/{x}"), entry("/a", compiled=True)], "GET", "/a")
def test_what_the_core_takes_is_the_first_match(order: list[Entry], method: str, path: str):
    assert all(is_core_pattern(one.path) for one in order)
    arranged, shadowed = arrange(order)
    taken = core_takes(arranged, method, path)
    if taken is not None:
        first = next(one for one in order if matches(one, method, path))
        assert first is taken
        assert all(one is not taken for one, _ in shadowed)


@given(entries, entries, st.sampled_from(["GET", "POST"]), requests)
def test_two_entries_that_match_one_request_overlap(
    one: Entry, other: Entry, method: str, path: str
):
    if matches(one, method, path) and matches(other, method, path):
        assert overlap(one, other)
        assert overlap(other, one)


def test_an_opaque_route_does_not_stop_others():
    first, later = entry("/"), entry("/items/{x}", compiled=True)
    assert arrange([first, later]) == ([later], [])


def test_another_method_does_not_overlap():
    first, later = entry("/items", "GET"), entry("/items", "POST", compiled=True)
    assert arrange([first, later]) == ([later], [])


def test_a_shadowed_route_stays_behind_and_is_named():
    first, later = entry("/items/{x}"), entry("/items/count", compiled=True)
    assert arrange([first, later]) == ([first, later], [(later, first)])


def test_a_route_that_is_shadowed_in_part_is_not_named():
    first, later = entry("/a/{x}"), entry("/{y}/b", compiled=True)
    assert arrange([first, later]) == ([first, later], [])


def test_a_mount_takes_all_below_it():
    mount = entry("/static", exact=False)
    below, beside = entry("/static/x", compiled=True), entry("/other", compiled=True)
    assert arrange([mount, below, beside]) == ([beside, mount, below], [(below, mount)])


def test_an_unknown_route_takes_all():
    unknown, later = Entry("/x", ("GET",), None, "", exact=False), entry("/y", compiled=True)
    assert arrange([unknown, later]) == ([unknown, later], [(later, unknown)])


def test_core_patterns():
    for path in ("/", "/a/", "/a/{b}", "/{a:int}/x", "/{a:float}", "/{a:str}", "/f/{p:path}", "//"):
        assert is_core_pattern(path), path
    for path in (
        "",
        "a",
        "/a{b}",
        "/{a}b",
        "/{p:path}/x",
        "/{a:uuid}",
        "/{a-b}",
        "/a}",
        "/a\nb",
        "/" + "/".join(f"{{p{n}}}" for n in range(17)),
    ):
        assert not is_core_pattern(path), path


def test_static_prefix():
    assert static_prefix("/a/{b}/c") == "/a/"
    assert static_prefix("/a/b") == "/a/b"
    assert static_prefix("/x{a}{b}") == "/x"


def test_convertor_names():
    convertors: Any = compile_path("/{a}/{b:int}/{c:float}/{d:path}")[2]
    assert convertor_names(convertors) == {"a": "str", "b": "int", "c": "float", "d": "path"}
    assert convertor_names(compile_path("/{a:uuid}")[2]) is None
    assert convertor_names({"a": object()}) is None
