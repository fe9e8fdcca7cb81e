"""Sizes of files and functions, and words that have no place here."""

import pytest
from c_rules import long_c_functions
from project import ROOT, expect_none, project_files, read
from python_rules import long_files, long_python_functions, not_text, unwanted_words

CODE = ("csrc/", "fasterapi/", "tests/", "benchmarks/", "examples/", "setup.py")


def test_files_are_short():
    expect_none(long_files(read(*CODE, suffixes=(".c", ".h", ".py", ".pyi"))))


def test_files_are_short_itself():
    assert len(long_files({"a.c": "x\n" * 801, "b.c": "x\n" * 800})) == 1


def test_functions_are_short():
    expect_none(long_c_functions(read(*CODE, suffixes=(".c", ".h"))))
    expect_none(long_python_functions(read(*CODE, suffixes=(".py",))))


def test_functions_are_short_itself():
    body = "{\n" + "    x();\n" * 78 + "}\n"
    longer = body.replace("{\n", "{\n    y();\n")
    assert long_c_functions({"a.c": "static void f(void)" + body}) == []
    assert len(long_c_functions({"a.c": "static void f(void)" + longer})) == 1
    excused = "/* house: long, because it is a table */\nstatic void f(void)" + longer
    assert long_c_functions({"a.c": excused}) == []
    assert long_python_functions({"a.py": "def f():\n" + "    x()\n" * 79}) == []
    assert len(long_python_functions({"a.py": "async def f():\n" + "    x()\n" * 80})) == 1


def test_no_unwanted_words():
    expect_none(unwanted_words(read("", suffixes=(".c", ".h", ".py", ".pyi", ".md", ".toml"))))


@pytest.mark.parametrize(
    "text",
    ["# TO" + "DO later", "raise Not" + "ImplementedError", "a stub, for" + " now", "XX" + "X"],
)
def test_no_unwanted_words_itself(text: str):
    assert len(unwanted_words({"a.py": text})) == 1
    assert unwanted_words({"a.py": "the toad, fornow XXXX"}) == []


def test_no_binaries():
    expect_none(not_text({name: (ROOT / name).read_bytes() for name in project_files()}))


def test_no_binaries_itself():
    files = {"a.bin": b"a\0", "b.txt": b"text", "tests/fuzz/corpus/x/1": b"\0"}
    assert not_text(files) == ["a.bin: is no text"]


def test_nothing_built_is_kept():
    built = (".so", ".o", ".a", ".whl", ".pyc", ".orig", ".rej")
    expect_none([name for name in project_files() if name.endswith(built)])


def test_the_front_door_is_small():
    assert len((ROOT / "Makefile").read_text().splitlines()) <= 150
    assert len((ROOT / "setup.py").read_text().splitlines()) <= 100
    assert len([name for name in project_files() if "/" not in name]) <= 16
