"""How much of FastAPI's own tutorial runs compiled: `make compat-share`.

Fetches the source distribution of the FastAPI that is installed, imports every program of its
`docs_src` with FastAPI's class swapped for FasterAPI, and asks `explain` about each path operation.
Each program is imported in a process of its own, because many of them declare the same tables and
change the same globals. Ends with 1 if a share is below its threshold, or a program cannot be read.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib
import json
import multiprocessing
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import fastapi
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from fasterapi import FasterAPI
from fasterapi.explain import explain

CACHE = Path(__file__).resolve().parents[2] / "build" / "compat"
TIERS = ("compiled", "asgi", "fastapi")
#: What the programs import besides FastAPI and what it needs.
EXTRAS = (
    "a2wsgi", "email-validator", "flask", "httpx<1", "itsdangerous", "jinja2", "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-http", "orjson", "psycopg[binary]", "pwdlib[argon2]",
    "pydantic-settings", "pyjwt", "pytest", "python-multipart", "pyyaml", "sqlmodel", "strawberry-graphql<1", "uvicorn",
)  # fmt: skip
#: Folders that programs open when they are imported; FastAPI's tests make them too.
FOLDERS = ("dist", "static", "templates")
VARIABLES = {"ADMIN_EMAIL": "admin@example.com"}


# -- what is fetched -------------------------------------------------------------------------------


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, stdout=sys.stderr)


def fetch_sources(version: str, cache: Path) -> Path:
    """The unpacked source distribution of a FastAPI release; from the cache if it is there."""
    folder = cache / f"fastapi-{version}"
    if not (folder / "docs_src").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        archive = cache / f"fastapi-{version}.tar.gz"
        if not archive.is_file():
            _pip(
                "download",
                "--no-binary",
                ":all:",
                "--no-deps",
                "-d",
                str(cache),
                f"fastapi=={version}",
            )
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            with tarfile.open(archive) as tar:
                tar.extractall(scratch, filter="data")
            with contextlib.suppress(OSError):  # another run was faster
                os.rename(Path(scratch) / folder.name, folder)
    return folder


def fetch_extras(cache: Path) -> Path:
    """A folder with what the programs import. Versions already installed are kept."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"extras-{python}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        listed = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "freeze",
            "--exclude-editable",
        ]
        frozen = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        pins = [line for line in frozen.splitlines() if "==" in line]
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            constraints = Path(scratch) / "constraints.txt"
            constraints.write_text("\n".join(pins) + "\n")
            _pip(
                "install",
                "--target",
                str(Path(scratch) / "extras"),
                "-c",
                str(constraints),
                *EXTRAS,
            )
            with contextlib.suppress(OSError):
                os.rename(Path(scratch) / "extras", folder)
    return folder


# -- one program -----------------------------------------------------------------------------------


def _operations(app: fastapi.FastAPI) -> list[tuple[str, tuple[str, ...]]]:
    """(path, methods) of the program's own path operations, without the docs pages."""
    return [
        (context.path or "", tuple(sorted(context.methods or ())))
        for context in iter_route_contexts(app.router.routes)
        if isinstance(context.original_route, fastapi.routing.APIRoute)
    ]


def _mounts(app: fastapi.FastAPI) -> list[tuple[str, Any]]:
    """(path, app) of what is mounted directly on an app."""
    routes = [context.original_route for context in iter_route_contexts(app.router.routes)]
    return [(route.path, route.app) for route in routes if isinstance(route, Mount)]


def _rows(
    app: fastapi.FastAPI, mounted_at: tuple[str, dict[str, Any]] | None
) -> list[dict[str, Any]]:
    """The report's rows for an app's operations. mounted_at: (path, the outer app's report)."""
    wanted = collections.Counter(_operations(app))
    prefix, report = mounted_at or ("", explain(app))
    rows = []
    for row in report["routes"]:
        key = (row["path"].removeprefix(prefix), tuple(row["methods"]))
        if row["path"].startswith(prefix) and wanted[key]:
            wanted[key] -= 1
            rows.append(row)
    rest = next(
        (row for row in report["routes"] if row["path"] == prefix and not row["methods"]), None
    )
    for path, methods in wanted.elements():  # an outer app that says nothing about inner routes
        assert rest is not None, (path, methods)
        rows.append({**rest, "path": prefix + path, "methods": list(methods)})
    return rows


def read_program(name: str) -> dict[str, Any]:
    """Import one program; {"name"} and "rows", "error", or "refused": FastAPI cannot read it either."""
    try:
        original, fastapi.FastAPI = fastapi.FastAPI, FasterAPI  # type: ignore[misc]
        try:
            module = importlib.import_module(name)
        finally:
            fastapi.FastAPI = original  # type: ignore[misc]
        apps = {
            id(value): value
            for value in vars(module).values()
            if isinstance(value, FasterAPI) and _is_home(module, name, value)
        }
        places: dict[int, tuple[str, dict[str, Any]]] = {}
        for app in apps.values():
            for path, inner in _mounts(app):
                if id(inner) in apps:
                    places[id(inner)] = (path, explain(app))
        rows = [row for key, app in apps.items() for row in _rows(app, places.get(key))]
        return {"name": name, "rows": rows}
    except BaseException as exc:  # a program may call sys.exit() as well
        error = f"{type(exc).__name__}: {exc}"
        return {"name": name, "refused" if _plain_error(name) == error else "error": error}


def _plain_error(name: str) -> str | None:
    """How plain FastAPI fails to import a program; None if it does not."""
    for loaded in [one for one in sys.modules if one.startswith("docs_src")]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except BaseException as exc:
        return f"{type(exc).__name__}: {exc}"
    return None


def _is_home(module: Any, name: str, app: FasterAPI) -> bool:
    """Whether an app was made by this module, not imported from another program."""
    return not any(
        other is not module and other_name.startswith("docs_src.") and app in vars(other).values()
        for other_name, other in list(sys.modules.items())
        if other is not None and other_name != name
    )


def _prepare(sources: str, extras: str, scratch: str) -> None:
    """Ready a process for a program: where it runs, what it finds, and silence."""
    folder = tempfile.mkdtemp(dir=scratch)
    os.chdir(folder)
    os.environ.update(VARIABLES)
    for name in FOLDERS:
        (Path(folder) / name).mkdir()
    for page in ("index.html", "404.html"):
        (Path(folder) / "dist" / page).write_text("<p>")
    sys.path.append(extras)
    sys.path.insert(0, sources)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def read_all(names: list[str], sources: Path, extras: Path, jobs: int) -> list[dict[str, Any]]:
    """The results of all programs, in order."""
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="docs-src-") as scratch:
        arguments = (str(sources), str(extras), scratch)
        with context.Pool(jobs, _prepare, arguments, maxtasksperchild=1) as pool:
            return pool.map(read_program, names, chunksize=1)


def program_names(sources: Path) -> list[str]:
    """The dotted names of all modules of docs_src that make an app."""
    found = []
    for path in sorted((sources / "docs_src").rglob("*.py")):
        if "FastAPI(" in path.read_text(encoding="utf-8"):
            found.append(".".join(path.relative_to(sources).with_suffix("").parts))
    return found


# -- the report ------------------------------------------------------------------------------------


def summary(results: list[dict[str, Any]], examples: int) -> list[str]:
    """The report as lines."""
    rows = [(one["name"], row) for one in results for row in one.get("rows", ())]
    total = len(rows) or 1
    lines = [
        f"{len(rows)} path operations in {len(results)} programs of FastAPI {fastapi.__version__}"
    ]
    for tier in TIERS:
        count = sum(row["tier"] == tier for _, row in rows)
        lines.append(f"  {tier:10} {count:5}  {100 * count / total:5.1f} %")
    found: dict[str, list[str]] = collections.defaultdict(list)
    alone: collections.Counter[str] = collections.Counter()
    for name, row in rows:
        codes = list(dict.fromkeys(one["code"] for one in row["reasons"]))
        alone.update(codes if len(codes) == 1 else ())
        for code in codes:
            text = next(one["text"] for one in row["reasons"] if one["code"] == code)
            methods = ",".join(row["methods"])
            found[code].append(f"{name} {methods} {row['path']} [{row['tier']}]: {text}")
    lines += ["", "reason                   routes  as the only reason"]
    for code, where in sorted(found.items(), key=lambda item: -len(item[1])):
        lines.append(f"{code:24} {len(where):6}  {alone[code]:6}")
        lines += [f"    {text}" for text in where[:examples]]
    for key, what in (("refused", "FastAPI itself refuses"), ("error", "could not be read")):
        failed = [one for one in results if key in one]
        lines += ["", f"{len(failed)} programs: {what}"] if failed else []
        lines += [f"    {one['name']}: {one[key].partition(chr(10))[0][:160]}" for one in failed]
    return lines


def shares(results: list[dict[str, Any]]) -> tuple[float, float]:
    """(per cent compiled, per cent compiled or asgi)."""
    tiers = [row["tier"] for one in results for row in one.get("rows", ())]
    compiled = sum(tier == "compiled" for tier in tiers)
    inner = sum(tier == "asgi" for tier in tiers)
    total = len(tiers) or 1
    return 100 * compiled / total, 100 * (compiled + inner) / total


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--compiled", type=float, default=80, metavar="PERCENT")
    parser.add_argument(
        "--answered", type=float, default=95, metavar="PERCENT", help="compiled or asgi"
    )
    parser.add_argument("--examples", type=int, default=0, help="routes to show for each reason")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="print the rows instead")
    options = parser.parse_args()
    cache = options.cache.resolve()
    sources, extras = fetch_sources(fastapi.__version__, cache), fetch_extras(cache)
    names = [name for name in program_names(sources) if options.only in name]
    results = read_all(names, sources, extras, options.jobs)
    print(
        json.dumps(results, indent=1)
        if options.json
        else "\n".join(summary(results, options.examples))
    )
    compiled, answered = shares(results)
    wrong = [f"{one['name']} could not be read" for one in results if "error" in one]
    if compiled < options.compiled:
        wrong.append(f"{compiled:.1f} % compiled, {options.compiled:g} % wanted")
    if answered < options.answered:
        wrong.append(f"{answered:.1f} % compiled or asgi, {options.answered:g} % wanted")
    for line in wrong:
        print(f"compat-share: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
