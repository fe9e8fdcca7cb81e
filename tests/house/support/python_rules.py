"""The rules for Python files, for sizes, and for the project as a whole."""

from __future__ import annotations

import ast
import re

from project import Files

__all__ = [
    "core_importers",
    "dead_links",
    "import_circles",
    "internals_importers",
    "long_files",
    "long_python_functions",
    "not_text",
    "unwanted_words",
]

MAX_LINES = 800
MAX_FUNCTION = 80
CORE = "_fasterapi_core"
INTERNAL_MODULES = ("fastapi.routing", "fastapi.dependencies", "fastapi._compat", "fastapi.utils")
# Put together here, so that this file itself passes.
UNWANTED = [
    r"\bTO" + "DO\\b",
    r"\bFIX" + "ME\\b",
    r"\bX" + "XX\\b",
    r"\bHA" + "CK\\b",
    "Not" + "ImplementedError",
    "not implemented" + " yet",
    "for" + " now\\b",
    r"(?<!\w)/wo" + "rk/",
    r"pytest\.(?:mark\.)?x" + "fail",
    r"assert Tr" + "ue\\b",
]


def _imports(tree: ast.AST) -> list[tuple[int, str, str]]:
    """Every import as (line, module, name or "")."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            first = node.args[0]
            if name == "import_module" and isinstance(first, ast.Constant):
                found.append((node.lineno, str(first.value), ""))
    return found


def core_importers(files: Files) -> list[str]:
    """Only fasterapi/_native.py imports the core."""
    return [
        f"{path}:{line}: only fasterapi/_native.py imports the core"
        for path, text in files.items()
        if path != "fasterapi/_native.py"
        for line, module, name in _imports(ast.parse(text))
        if CORE in module.split(".") or name == CORE
    ]


def internals_importers(files: Files) -> list[str]:
    """Only fasterapi/plan/ knows what FastAPI looks like inside."""
    complaints = []
    for path, text in files.items():
        if path.startswith("fasterapi/plan/"):
            continue
        for line, module, name in _imports(ast.parse(text)):
            if module.split(".")[0] not in ("fastapi", "starlette"):
                continue
            private = any(part.startswith("_") for part in (*module.split("."), name))
            inner = any(module == m or module.startswith(m + ".") for m in INTERNAL_MODULES)
            if private or inner:
                complaints.append(f"{path}:{line}: only fasterapi/plan may import {module} {name}")
    return complaints


def _imports_at_run_time(node: ast.AST) -> list[tuple[str, str]]:
    """Every import as (module, name or ""), of functions too, without those for type checkers."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for other in child.orelse:
                found += _imports_at_run_time(ast.Module([other], []))
            continue
        if isinstance(child, ast.Import):
            found += [(alias.name, "") for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            found += [(child.module or "", alias.name) for alias in child.names]
        found += _imports_at_run_time(child)
    return found


def import_circles(files: Files) -> list[str]:
    """No module needs itself, whether the others are imported at once or in a function."""
    modules = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): text
        for path, text in files.items()
    }
    needs = {}
    for name, text in modules.items():
        needs[name] = set()
        for module, part in _imports_at_run_time(ast.parse(text)):
            whole = f"{module}.{part}"
            needs[name].add(whole if whole in modules else module)
        needs[name] &= modules.keys() - {name}
    complaints = []
    for name in modules:
        reached, waiting = set(), [name]
        while waiting:
            new = needs[waiting.pop()] - reached
            reached |= new
            waiting += new
        if name in reached:
            complaints.append(f"{name}: is in a circle of imports")
    return complaints


def long_files(files: Files) -> list[str]:
    return [
        f"{path}: {lines} lines"
        for path, text in files.items()
        if (lines := text.count("\n")) > MAX_LINES
    ]


def long_python_functions(files: Files) -> list[str]:
    return [
        f"{path}:{node.lineno}: {node.name} has {lines} lines"
        for path, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION
    ]


def unwanted_words(files: Files) -> list[str]:
    """No promises, no leftovers, no tests that are allowed to fail."""
    pattern = re.compile("|".join(UNWANTED))
    return [
        f"{path}:{number}: {match[0]!r}"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def not_text(files: dict[str, bytes]) -> list[str]:
    """No binaries in the project; inputs of the fuzzers may be anything."""
    return [
        f"{path}: is no text"
        for path, data in files.items()
        if b"\0" in data and not path.startswith(("tests/fuzz/corpus/", "tests/fuzz/regression/"))
    ]


LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def dead_links(pages: Files, exists: set[str]) -> list[str]:
    """Relative links between the pages lead somewhere. exists: files and folders."""
    complaints = []
    for path, text in pages.items():
        folder = path.rpartition("/")[0]
        text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in LINK.findall(text):
            place = target.partition("#")[0]
            if not place or "://" in place or place.startswith("mailto:"):
                continue
            parts: list[str] = []
            for part in (*folder.split("/"), *place.split("/")):
                if part == ".." and parts:
                    parts.pop()
                elif part not in ("", "."):
                    parts.append(part)
            if "/".join(parts) not in exists:
                complaints.append(f"{path}: link to {target} leads nowhere")
    return complaints
