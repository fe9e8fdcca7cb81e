"""What is installed, and what a source archive would hold."""

import importlib.metadata
import importlib.resources
import platform
import sys
import tomllib
from pathlib import Path

import elf
import pytest
from project import ROOT, project_files


def test_types_are_installed():
    package = importlib.resources.files("fasterapi")
    assert (package / "py.typed").is_file()
    assert (package / "_fasterapi_core.pyi").is_file()


def test_core_is_installed():
    from fasterapi import _native

    if sys.platform == "linux":
        assert _native.core is not None, _native.why_no_core


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="reads 64-bit little-endian ELF files",
)
def test_core_is_hardened():
    """Whatever FASTERAPI_BUILD was: these flags cost nothing that is measured."""
    from fasterapi import _native

    core = elf.Elf(Path(_native.core.__file__))
    assert core.segment(elf.PT_GNU_RELRO) is not None
    assert core.binds_now(), "a relocation table stays writable without -z now"
    stack = core.segment(elf.PT_GNU_STACK)
    assert stack is not None
    assert not stack[1] & elf.PF_X
    assert b"__stack_chk_fail" in core.names(), "-fstack-protector-strong"


def test_metadata():
    metadata = importlib.metadata.metadata("fasterapi")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata["Name"] == "fasterapi"
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "MIT"
    scripts = importlib.metadata.entry_points(group="console_scripts", name="fasterapi")
    assert [script.value for script in scripts] == ["fasterapi.cli:main"]


def test_the_tests_run_with_the_releases_that_compile():
    """Else a new release would fail them all; apps take any, see test_metadata."""
    from fasterapi.plan.release import TESTED

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"]["test"]
    for name, (first, end) in TESTED.items():
        low, high = (".".join(map(str, bound)) for bound in (first, end))
        assert f"{name}>={low},<{high}" in wanted


def test_source_archive_holds_what_a_build_needs():
    grafted = {
        line.split()[1]
        for line in (ROOT / "MANIFEST.in").read_text().splitlines()
        if line.startswith("graft ")
    }
    needed = {name.split("/")[0] for name in project_files() if "/" in name}
    assert needed - grafted <= {"fasterapi", ".ci"}


def test_version_is_said_once():
    import fasterapi

    assert fasterapi.__version__ == importlib.metadata.version("fasterapi")
