"""Where the project's files are, and their text."""

from __future__ import annotations

import functools
import pathlib
import subprocess

import pytest

__all__ = ["ROOT", "Files", "expect_none", "project_files", "read"]

ROOT = pathlib.Path(__file__).resolve().parents[3]

# Path inside the project -> text. Rules take such a mapping, so that a test can hand them a small one.
Files = dict[str, str]


@functools.cache
def project_files() -> tuple[str, ...]:
    """Every file that is, or would be, under version control. Whoever makes a virtual environment
    here, under whatever name, does not mean to commit it."""
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        # An unpacked source archive: everything but what is built.
        built = {"build", "dist", "__pycache__"}
        paths = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
        names = [str(p) for p in paths if not built.intersection(p.parts)]
    else:
        names = [name for name in listed.splitlines() if (ROOT / name).is_file()]
    environments = {found.parent.name for found in ROOT.glob("*/pyvenv.cfg")}
    return tuple(sorted(name for name in names if name.split("/")[0] not in environments))


def read(*prefixes: str, suffixes: tuple[str, ...]) -> Files:
    """The files below the prefixes whose name ends so."""
    return {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in project_files()
        if name.startswith(prefixes) and name.endswith(suffixes)
    }


def expect_none(complaints: list[str]) -> None:
    """Fail with every complaint on a line of its own."""
    if complaints:
        pytest.fail(
            "\n".join([f"{len(complaints)} against the rules:", *complaints]), pytrace=False
        )
