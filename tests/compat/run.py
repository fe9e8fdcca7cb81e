"""FastAPI's and Starlette's own test suites, with our classes in place of theirs.

    python tests/compat/run.py [--suite fastapi|starlette] [--plain] [--workers N] [-- PYTEST ...]

Fetches the sdist, makes an environment with what its tests need, installs this project there, and
runs the tests. `swap.py` puts FasterAPI and our TestClient where the tests import FastAPI and
Starlette's. Tests that may fail stand in excused.txt, each with its reason; one of them that passes
is an error too. Everything is kept in build/compat.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "compat"
#: Suite -> (distribution, version, extra with all that it can serve).
SUITES = {"fastapi": ("fastapi", "0.165.0", "all"), "starlette": ("starlette", "1.10.0", "full")}
#: Of the tests' requirements: tools that check types, style and speed, not behaviour.
UNNEEDED = ("mypy", "ty", "ruff", "pytest-codspeed", "pytest-cov", "pytest-sugar")
#: Starlette's tests that speak to an app through the client fixture.
STARLETTE_TESTS = (
    "test_applications.py test_authentication.py test_background.py test_endpoints.py "
    "test_exceptions.py test_requests.py test_responses.py test_routing.py "
    "test_staticfiles.py test_templates.py test_testclient.py test_websockets.py middleware"
).split()


def run(*command: str | pathlib.Path, **options: Any) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def python_of(environment: pathlib.Path) -> pathlib.Path:
    return environment / "bin" / "python"


def fetch(name: str, version: str) -> pathlib.Path:
    """The unpacked sdist of a distribution."""
    folder = CACHE / f"{name}-{version}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name]
        run(*command, "-d", CACHE, f"{name}=={version}")
        with tarfile.open(next(CACHE.glob(f"{name}-{version}.tar.gz"))) as archive:
            archive.extractall(CACHE, filter="data")
    return folder


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """The requirements of a dependency group, those it includes among them."""
    found: list[str] = []
    for entry in groups.get(name, []):
        found += group(groups, entry["include-group"]) if isinstance(entry, dict) else [entry]
    return found


def requirements(folder: pathlib.Path, distribution: str, version: str, extra: str) -> list[str]:
    data = tomllib.loads((folder / "pyproject.toml").read_text())
    groups = data.get("dependency-groups", {})
    wanted = group(groups, "tests") or group(groups, "dev")
    name = re.compile(r"[A-Za-z0-9_.-]+")
    tools = [one for one in wanted if name.match(one)[0].lower() not in UNNEEDED]  # type: ignore[index]
    return [f"{distribution}[{extra}]=={version}", "orjson", "ujson", *tools]


def environment_for(suite: str, folder: pathlib.Path) -> pathlib.Path:
    """A virtual environment with the tests' requirements, and this project as it is now."""
    distribution, version, extra = SUITES[suite]
    place = CACHE / f"venv-{suite}-{sys.version_info.major}.{sys.version_info.minor}"
    python = python_of(place)
    ready = place / "ready"
    if not ready.exists():
        venv.create(place, with_pip=True, clear=True)
        run(python, "-m", "pip", "install", "-q", str(ROOT))
        run(
            python,
            "-m",
            "pip",
            "install",
            "-q",
            *requirements(folder, distribution, version, extra),
        )
        ready.touch()
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", str(ROOT))
    return place


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--suite", choices=sorted(SUITES), default="fastapi")
    parser.add_argument("--plain", action="store_true", help="without our classes, for comparison")
    parser.add_argument("--workers", default="2", help="processes that run tests")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    given = parser.parse_args()
    folder = fetch(*SUITES[given.suite][:2])
    python = python_of(environment_for(given.suite, folder))
    environ = os.environ | {"PYTHONPATH": str(HERE), "FASTERAPI_COMPAT_SUITE": given.suite}
    command = [python, "-m", "pytest", "-q", "-n", given.workers, "--timeout", "120"]
    command += ["-p", "no:cacheprovider", "-W", "default"]
    if not given.plain:
        command += ["-p", "swap"]
    tests = [] if given.suite == "fastapi" else [f"tests/{name}" for name in STARLETTE_TESTS]
    chosen = given.pytest or tests or ["tests"]
    return subprocess.run(
        [str(part) for part in [*command, *chosen]], cwd=folder, env=environ
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
