"""Other projects' test suites, with our classes in place of FastAPI's and Starlette's.

    python tests/compat/run.py [--suite NAME|all] [--plain] [--fastapi VERSION] [-- PYTEST ...]

Fetches the sdists, makes one environment with what all their tests need, installs this project
there, and runs the tests. `swap.py` puts FasterAPI and our TestClient where the tests import FastAPI
and Starlette's; `suites.py` has the list. Tests that may fail stand in excused.txt, each with its
reason; one of them that passes is an error too. Tests that fail with plain FastAPI as well stand in
left-out.txt and do not run. Everything is kept in build/compat.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import venv
from typing import Any

from suites import OLDEST, SUITES, Suite

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "compat"
#: What every suite runs with.
RUNNER = ("pytest>=9.0", "pytest-timeout>=2.4", "pytest-xdist>=3.0")
#: Of the tests' requirements: tools that check types, style and speed, not behaviour.
UNNEEDED = (
    "mypy ty ruff pytest-codspeed pytest-cov pytest-sugar twine types-pyyaml importlib-metadata"
).split()


def run(*command: str | pathlib.Path, **options: Any) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def fetch(distribution: str, version: str) -> pathlib.Path:
    """The unpacked sdist of a distribution."""
    stem = f"{distribution.replace('-', '_')}-{version}"
    if not (CACHE / stem).exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary"]
        run(*command, distribution, "-d", CACHE, f"{distribution}=={version}")
        with tarfile.open(CACHE / f"{stem}.tar.gz") as archive:
            archive.extractall(CACHE, filter="data")
    return CACHE / stem


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """The requirements of a dependency group, those it includes among them."""
    found: list[str] = []
    for entry in groups.get(name, []):
        found += group(groups, entry["include-group"]) if isinstance(entry, dict) else [entry]
    return found


def requirements(suite: Suite) -> list[str]:
    if not suite.distribution:
        return list(suite.needs)
    found = [f"{suite.install or suite.distribution}=={suite.version}", *suite.needs]
    if suite.groups:
        folder = fetch(suite.distribution, suite.version)
        data = tomllib.loads((folder / "pyproject.toml").read_text())
        groups = data.get("dependency-groups", {})
        name = re.compile(r"[A-Za-z0-9_.-]+")
        for wanted in group(groups, "tests") or group(groups, "dev"):
            found += [wanted] if name.match(wanted)[0].lower() not in UNNEEDED else []  # type: ignore[index]
    return found


def environment() -> pathlib.Path:
    """The interpreter of an environment for all suites, with this project as it is now."""
    wanted = sorted({*RUNNER, *(one for suite in SUITES.values() for one in requirements(suite))})
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:8]
    place = CACHE / f"venv-{version}-{key}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
        run(python, "-m", "pip", "install", "-q", str(ROOT), *wanted)
        (place / "ready").touch()
    else:
        run(python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", str(ROOT))
    return python


def run_suite(name: str, python: pathlib.Path, given: argparse.Namespace, workers: str) -> bool:
    """Run one suite and show what it says when it has ended. False: something failed."""
    suite = SUITES[name]
    version = (given.fastapi if name == "fastapi" else None) or suite.version
    folder = fetch(suite.distribution, version) if suite.distribution else HERE
    environ = os.environ | {"PYTHONPATH": str(HERE), "FASTERAPI_COMPAT_SUITE": name}
    environ["FASTERAPI_COMPAT_PLAIN"] = "1" if given.plain else ""
    command = [str(python), "-m", "pytest", "-q", "-n", workers, "--timeout", "120"]
    command += ["-p", "no:cacheprovider", "-W", "default", "-p", "swap", *suite.options]
    command += given.pytest or suite.tests
    start = time.monotonic()
    log = CACHE / f"{name}-{version}.log"
    with log.open("w") as file:
        code = subprocess.run(
            command, cwd=folder, env=environ, stdout=file, stderr=subprocess.STDOUT
        ).returncode
    lines = log.read_text().splitlines()
    shown = lines if code else lines[-1:]
    title = f"{name} {version}{' (plain)' if given.plain else ''}"
    print("\n".join([*shown, f"=== {title}: {time.monotonic() - start:.0f} s"]), flush=True)
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--suite", choices=[*SUITES, "all"], default="fastapi")
    parser.add_argument("--plain", action="store_true", help="without our classes, for comparison")
    parser.add_argument("--fastapi", metavar="VERSION", help="FastAPI, of the suite `fastapi`")
    parser.add_argument("--workers", default="2", help="processes that run tests")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    given = parser.parse_args()
    python = environment()
    if given.suite != "all":
        return 0 if run_suite(given.suite, python, given, given.workers) else 1
    # The longest one first; each has one process, and as many run at a time as there are workers.
    with concurrent.futures.ThreadPoolExecutor(int(given.workers)) as lanes:
        runs = {name: lanes.submit(run_suite, name, python, given, "0") for name in SUITES}
        if SUITES["fastapi"].version != OLDEST and not given.fastapi:
            old = argparse.Namespace(**{**vars(given), "fastapi": OLDEST})
            runs[f"fastapi {OLDEST}"] = lanes.submit(run_suite, "fastapi", python, old, "0")
    failed = [name for name, one in runs.items() if not one.result()]
    print("failed:", ", ".join(failed) or "none")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
