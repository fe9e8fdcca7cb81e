"""The core compiled as the rules want it: which warnings there are, which data can be written."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor

__all__ = ["compile_object", "compile_objects", "writable_data"]

# Not position independent: there, a constant table of pointers looks like writable data.
FLAGS = "-std=gnu11 -O1 -fno-pie -Wall -Wextra -Wshadow -Werror -fvisibility=hidden -D_GNU_SOURCE"
# What CPython wants to write to, although we never do.
CPYTHON_TABLES = (
    "PyModuleDef|PyModuleDef_Slot|PyMethodDef|PyType_Spec|PyType_Slot|PyGetSetDef|PyMemberDef"
)
# The state of fault injection for tests: the one writable global of the core.
ALLOWED = {"csrc/base/alloc.c"}


def compile_object(
    root: pathlib.Path, source: str, folder: pathlib.Path
) -> tuple[pathlib.Path, str]:
    """Compile one file; returns the object's path and what the compiler said against it."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or "cc"
    target = folder / (source.replace("/", "_") + ".o")
    command = [compiler, *FLAGS.split(), f"-I{root / 'csrc'}", "-pthread", "-c"]
    if source.startswith("csrc/python/"):
        command.append(f"-I{sysconfig.get_path('include')}")
    else:
        command.append("-Wconversion")
    command += [str(root / source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return target, done.stderr if done.returncode else ""


def compile_objects(
    root: pathlib.Path, sources: list[str], folder: pathlib.Path
) -> dict[str, tuple[pathlib.Path, str]]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda source: compile_object(root, source, folder), sources)
        return dict(zip(sources, results, strict=True))


def writable_data(source: str, text: str, compiled: pathlib.Path) -> list[str]:
    """The object's writable data, apart from what is allowed."""
    if source in ALLOWED:
        return []
    command = ["nm", "--defined-only", str(compiled)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    complaints = []
    for line in listed.splitlines():
        kind, name = line.split()[-2:]
        name = name.split(".")[0]
        if kind not in "bBcCdDgGsS":
            continue
        table = re.compile(rf"\b({CPYTHON_TABLES})\b[^;{{]*\b{name}\b")
        # PyArg_ParseTupleAndKeywords takes its list of names as char **.
        names = re.compile(rf"static char \*{name}\[\]")
        if source.startswith("csrc/python/") and (table.search(text) or names.search(text)):
            continue
        if re.search(rf"\b(_Thread_local|__thread)\b[^;{{]*\b{name}\b", text):
            continue
        complaints.append(f"{source}: {name} can be written to")
    return complaints
