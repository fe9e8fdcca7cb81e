"""The rules for C files. Each takes files (path -> text) and returns its complaints."""

from __future__ import annotations

import pathlib
import re

from c_source import blank, declarations, includes
from project import Files

__all__ = [
    "banned_calls",
    "contract_comments",
    "every_file_has_its_test",
    "include_graph",
    "long_c_functions",
    "paired_macros",
    "prefixes",
    "python_only_in_python",
]

PARTS = {"http", "json", "route", "queue", "net"}
# A folder of csrc may include from these, and from itself.
MAY_INCLUDE = {
    "base": set(),
    **{part: {"base"} for part in PARTS},
    "server": {"base", *PARTS},
    "python": {"base", "server", *PARTS},
}
MAX_FUNCTION = 80
MAX_ONE_LINER = 8
EXCUSE = re.compile(r"/\*\s*house: long, because \w")
BANNED = "strcpy strcat strncpy strncat sprintf vsprintf gets alloca".split()
# In the core: it lives in somebody else's process, and has an allocator of its own.
BANNED_IN_CORE = (
    "abort exit malloc calloc realloc free strdup strndup aligned_alloc posix_memalign".split()
)
# Files whose noun is called otherwise than the file: small families that belong together.
OTHER_PREFIXES = {
    "csrc/base/base.h": ("fa_",),
    "csrc/base/alloc": ("fa_realloc", "fa_free", "fa_alloc"),
    "csrc/base/buffer_pool": ("fa_buffer_cache_",),
    "csrc/http/http_response": ("fa_http_head_", "fa_http_header_"),
    "csrc/json/json_writer": ("fa_json_builder_",),
}


def include_graph(files: Files) -> list[str]:
    """base <- parts <- server <- python; a part never includes a sibling."""
    complaints = []
    for path, text in files.items():
        folder = pathlib.PurePath(path).parts[1]
        for ours, included in includes(text):
            if not ours:
                continue
            target = included.split("/")[0] if "/" in included else ""
            if target not in MAY_INCLUDE:
                complaints.append(f'{path}: write "{included}" with its folder below csrc')
            elif target != folder and target not in MAY_INCLUDE[folder]:
                complaints.append(f"{path}: {folder}/ may not include {included}")
    return complaints


def python_only_in_python(files: Files) -> list[str]:
    return [
        f"{path}: only csrc/python may include {included}"
        for path, text in files.items()
        if not path.startswith("csrc/python/")
        for _, included in includes(text)
        if included in ("Python.h", "structmember.h", "pyconfig.h")
    ]


def long_c_functions(files: Files) -> list[str]:
    return [
        f"{path}:{function.line}: {function.name} has {function.lines} lines"
        for path, text in files.items()
        for function in declarations(text)
        if function.defined
        and function.lines > MAX_FUNCTION
        and not EXCUSE.search(function.comment)
    ]


def prefixes(files: Files) -> list[str]:
    """A function that other files can see is called fa_<file stem>_*.

    A .c file without a header of its own is a part of a noun whose header lies beside it.
    """
    complaints = []
    for path, text in files.items():
        pure = pathlib.PurePath(path)
        stem = pure.stem
        allowed: tuple[str, ...] = (f"fa_{stem}_", "PyInit__fasterapi_core")
        if str(pure.with_suffix(".h")) not in files:
            headers = (pathlib.PurePath(other) for other in files if other.endswith(".h"))
            allowed += tuple(f"fa_{h.stem}_" for h in headers if h.parent == pure.parent)
        for start, names in OTHER_PREFIXES.items():
            if path.startswith(start):
                allowed += names
        for function in declarations(text):
            hidden = function.static and path.endswith(".c")
            if hidden or function.name.startswith(allowed) or function.name == f"fa_{stem}":
                continue
            complaints.append(f"{path}:{function.line}: {function.name} is not called fa_{stem}_*")
    return complaints


def contract_comments(headers: Files) -> list[str]:
    """Each function of a header is named by a comment above it; short inline ones need none.

    One comment may name several functions, or stand above a group without empty lines in it.
    """
    complaints = []
    for path, text in headers.items():
        comments = "".join(re.findall(r"/\*.*?\*/", text, re.DOTALL))
        covered = False
        for function in declarations(text):
            grouped = function.comment in ("\n", "")
            if grouped and covered:
                continue
            above = function.comment[function.comment.rfind("/*") :]
            named = re.search(rf"\b{function.name}\b", above if function.defined else comments)
            covered = named is not None and ("/*" in above or not grouped)
            if covered or (function.static and function.lines <= MAX_ONE_LINER):
                continue
            complaints.append(f"{path}:{function.line}: {function.name} has no contract comment")
    return complaints


def every_file_has_its_test(sources: Files, tests: set[str]) -> list[str]:
    """csrc/<dir>/x.c has tests/c/<dir>/test_x.c; so has a header that is more than declarations."""
    complaints = []
    for path, text in sources.items():
        pure = pathlib.PurePath(path)
        if pure.parts[1] == "python":
            continue
        if pure.suffix == ".h":
            alone = str(pure.with_suffix(".c")) not in sources
            if not alone or sum(f.defined for f in declarations(text)) < 2:
                continue
        wanted = f"tests/c/{pure.parts[1]}/test_{pure.stem}.c"
        if wanted not in tests:
            complaints.append(f"{path}: {wanted} is missing")
    return complaints


def banned_calls(files: Files) -> list[str]:
    """No unsafe calls; and memory only through base/alloc.h (in python/ through Python too)."""
    complaints = []
    for path, text in files.items():
        words = list(BANNED)
        if path.startswith("csrc/") and not path.startswith("csrc/base/alloc."):
            words += BANNED_IN_CORE
        pattern = re.compile(rf"(?<![\w.>])({'|'.join(words)})\s*\(")
        code = blank(text, keep_directives=True)
        for match in pattern.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            complaints.append(f"{path}:{line}: {match[1]}() is banned")
    return complaints


PAIRS = (
    ("Py_BEGIN_ALLOW_THREADS", "Py_END_ALLOW_THREADS"),
    ("Py_BEGIN_CRITICAL_SECTION", "Py_END_CRITICAL_SECTION"),
    ("Py_EnterRecursiveCall", "Py_LeaveRecursiveCall"),
)


def paired_macros(files: Files) -> list[str]:
    """Between Py_BEGIN_x and its Py_END_x there is no way out."""
    complaints = []
    for path, text in files.items():
        code = blank(text)
        for begin, end in PAIRS:
            if begin.startswith("Py_Enter"):
                if code.count(begin) > code.count(end):
                    complaints.append(f"{path}: more {begin} than {end}")
                continue
            for piece in re.split(rf"\b{begin}\b", code)[1:]:
                inner, found, _ = piece.partition(end)
                if not found or re.search(r"\b(return|goto)\b", inner):
                    complaints.append(f"{path}: a way out between {begin} and {end}")
    return complaints
