"""One virtual environment for each program, with this project in it as a wheel.

One each, because what they ask of FastAPI and Starlette differs. They are kept in build/field-apps
and made anew when a requirement changes; the wheel is built once per run, so the core is compiled
once per Python.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
import venv
from typing import Any

from catalog import Program

__all__ = ["CACHE", "build_wheel", "environment", "versions"]

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / "build" / "field-apps"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: The server beside ours, and what the visitor speaks and reads with.
COMMON = ("fastapi", "uvicorn", "websockets", "brotli")


def run(*command: str | pathlib.Path, **options: Any) -> subprocess.CompletedProcess[str]:
    parts = [str(part) for part in command]
    return subprocess.run(parts, check=True, text=True, **options)


def build_wheel() -> pathlib.Path:
    """The wheel of this project as it is now."""
    place = CACHE / f"wheel-{PYTHON}"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.whl"):
        old.unlink()
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ROOT)
    (wheel,) = place.glob("*.whl")
    return wheel


def environment(name: str, program: Program, wheel: pathlib.Path) -> pathlib.Path:
    """The interpreter of the program's environment; the wheel is put there anew."""
    wanted = sorted({program.requirement, *COMMON, *program.needs})
    key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:8]
    place = CACHE / f"venv-{name}-{PYTHON}-{key}"
    python = place / "bin" / "python"
    install = (python, "-m", "pip", "install", "-q")
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
        run(*install, *wanted, wheel)  # in one go: pip must find releases that suit both
        (place / "ready").touch()
    run(*install, "--no-deps", "--force-reinstall", wheel)
    return python


def versions(python: pathlib.Path, *distributions: str) -> list[str]:
    """The versions of distributions in an environment."""
    code = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(n) for n in sys.argv[1:]]))"
    done = run(python, "-c", code, *distributions, stdout=subprocess.PIPE)
    found: list[str] = json.loads(done.stdout)
    return found
