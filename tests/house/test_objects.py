"""The core as compiled: no warnings, and no data that can be written to."""

import pathlib

import pytest
from objects import compile_object, compile_objects, writable_data
from project import ROOT, expect_none, read

SOURCES = read("csrc/", suffixes=(".c",))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[pathlib.Path, str]]:
    return compile_objects(ROOT, list(SOURCES), tmp_path_factory.mktemp("objects"))


def test_there_is_something_to_compile():
    assert len(SOURCES) > 10


def test_no_warnings(compiled: dict[str, tuple[pathlib.Path, str]]):
    expect_none([said for _, said in compiled.values() if said])


def test_no_writable_globals(compiled: dict[str, tuple[pathlib.Path, str]]):
    complaints = []
    for source, (path, said) in compiled.items():
        if not said:
            complaints += writable_data(source, SOURCES[source], path)
    expect_none(complaints)


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("int counter;", False),
        ("static int counter = 3; int *get(void); int *get(void) { return &counter; }", False),
        ("int *get(void); int *get(void) { static int inner; return &inner; }", False),
        ('extern const char *const names[]; const char *const names[] = {"a", "b"};', True),
        ("_Thread_local int mine;", True),
        ("int twice(int n); int twice(int n) { return 2 * n; }", True),
    ],
)
def test_no_writable_globals_itself(text: str, fine: bool, tmp_path: pathlib.Path):
    source = "csrc/base/example.c"
    (tmp_path / "csrc/base").mkdir(parents=True)
    (tmp_path / source).write_text(text + "\n")
    path, said = compile_object(tmp_path, source, tmp_path)
    assert said == ""
    assert (writable_data(source, text, path) == []) is fine


def test_no_warnings_itself(tmp_path: pathlib.Path):
    (tmp_path / "csrc/base").mkdir(parents=True)
    (tmp_path / "csrc/base/example.c").write_text("static void unused(long n) { char c = n; }\n")
    _, said = compile_object(tmp_path, "csrc/base/example.c", tmp_path)
    assert "unused" in said
