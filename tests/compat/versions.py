"""Releases of FastAPI and of what it stands on, from the registry: every command works with each.

    python tests/compat/versions.py [REQUIREMENT ...]

Builds this project once and installs it beside each release, in an environment of its own below
build/compat. There the README's example is served, explained, measured and tested, as FasterAPI and
with the import unchanged: what `tests/unit/support/hidden_name.py` does, with nothing hidden.
"""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import venv
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / "build" / "compat"
SCRIPT = ROOT / "tests" / "unit" / "support" / "hidden_name.py"
#: What is installed; the last one is the newest that there is.
RELEASES = (
    "fastapi==0.115.0 pydantic==2.11.0",
    "fastapi==0.115.0",
    "fastapi==0.128.8",
    "fastapi==0.163.2",
    "fastapi==0.164.0",
    "fastapi==0.165.0 pydantic==2.11.0",
    "fastapi",
)
#: What the TestClients of old and new releases need, and forms.
NEEDED = ("h11", "httpx", "httpx2", "python-multipart")


def run(*command: str | pathlib.Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], check=True, text=True, **options)


def wheel() -> pathlib.Path:
    folder = CACHE / "wheel"
    for old in folder.glob("*.whl"):
        old.unlink()
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT)
    (found,) = folder.glob("*.whl")
    return found


def environment(release: str, built: pathlib.Path) -> pathlib.Path:
    """The interpreter of an environment with a release and this project."""
    key = hashlib.sha256(release.encode()).hexdigest()[:8]
    place = CACHE / f"versions-{sys.version_info.major}.{sys.version_info.minor}-{key}"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
    # The release and the project in one: this is also the test that they go together.
    run(python, "-m", "pip", "install", "-q", "--upgrade", built, *release.split(), *NEEDED)
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", built)
    (place / "ready").touch()
    return python


def example() -> str:
    """The README's first program."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def outcome(python: pathlib.Path, program: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "main.py").write_text(program)
        case = json.dumps(["nothing", "hidden"]) + "\n"
        done = run(
            *(python, "-P", "-W", "ignore", SCRIPT),
            input=case,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": ""},
        )
    found: dict[str, Any] = json.loads(done.stdout)[1]
    return found


def problems(found: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    if "crash" in found:
        return [found["crash"], found["output"]]
    codes = {name: code for name, code in found.items() if isinstance(code, int)}
    wrong = [f"{name} ends with {code}" for name, code in codes.items() if code]
    wrong = [one for one in wrong if one != "cost ends with 3"]  # no request can be made up
    for way in ("answers", "client"):
        (good, body), (bad, _) = found[way]
        if (good, json.loads(body), bad) != (200, {"item_id": 3, "q": None}, 422):
            wrong.append(f"{way}: {found[way]}")
    reasons = {why["code"] for why in route_of(found)["reasons"]}
    if reasons and reasons != {"version"}:
        wrong.append(f"the reasons are {reasons}")
    if found["output"].count("Nothing is compiled") != bool(reasons):
        wrong.append("there is not one warning")
    if "Traceback" in found["output"]:
        wrong.append("there is a traceback")
    return [*wrong, found["output"]] if wrong else []


def route_of(found: dict[str, Any]) -> dict[str, Any]:
    (route,) = (one for one in found["routes"] if one["path"].startswith("/items"))
    return dict(route)


def main(releases: list[str]) -> int:
    CACHE.mkdir(parents=True, exist_ok=True)
    built = wheel()
    edited = example()
    plain = edited.replace("from fasterapi import FasterAPI  # was: ", "").replace(
        "FasterAPI", "FastAPI"
    )
    failed = 0
    for release in releases or RELEASES:
        python = environment(release, built)
        for name, program in (("FasterAPI", edited), ("FastAPI", plain)):
            found = outcome(python, program)
            wrong = problems(found)
            tier = "-" if "routes" not in found else route_of(found)["tier"]
            print(f"{release}: {name}: {tier}: {'; '.join(wrong) or 'ok'}", flush=True)
            failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
