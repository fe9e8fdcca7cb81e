"""Fetch two other HTTP parsers into build/peers, to be measured beside ours.

llhttp is in the source package of httptools on PyPI, picohttpparser in the crate pico-sys. Both are
fetched with the registry's own client when this runs, and nothing of theirs is kept in this
repository. A parser that cannot be had is named in one line, and the benchmark runs without it.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable

PEERS = pathlib.Path(__file__).resolve().parents[2] / "build" / "peers"
HTTPTOOLS = "0.9.0"
PICO_SYS = "0.0.1"
MANIFEST = f"""[package]
name = "peers"
version = "0.0.0"
edition = "2021"
[dependencies]
pico-sys = "={PICO_SYS}"
"""


def run(*command: str, cwd: pathlib.Path) -> None:
    """Run a command; what it says is shown only if it fails."""
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300)


def fetch_llhttp(work: pathlib.Path) -> list[pathlib.Path]:
    """The C files of llhttp."""
    package = f"httptools=={HTTPTOOLS}"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    run(*pip, "--no-binary", "httptools", package, cwd=work)
    with tarfile.open(next(work.glob("*.tar.gz"))) as archive:
        archive.extractall(work, filter="data")
    vendor = next(work.glob("httptools-*/vendor/llhttp"))
    return [*vendor.glob("src/*.c"), *vendor.glob("include/*.h")]


def fetch_picohttpparser(work: pathlib.Path) -> list[pathlib.Path]:
    """The C files of picohttpparser."""
    (work / "Cargo.toml").write_text(MANIFEST)
    (work / "src").mkdir()
    (work / "src" / "lib.rs").touch()
    run("cargo", "vendor", "--quiet", "vendor", cwd=work)
    source = work / "vendor" / "pico-sys" / "extern" / "picohttpparser"
    return [source / "picohttpparser.c", source / "picohttpparser.h"]


def fetch(name: str, source: str, files: Callable[[pathlib.Path], list[pathlib.Path]]) -> None:
    """Put one parser into build/peers, all of it or nothing."""
    home = PEERS / name
    if home.is_dir():
        print(f"{name}: here ({source})")
        return
    PEERS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PEERS) as work:
        try:
            found = files(pathlib.Path(work))
            ready = pathlib.Path(work) / "ready"
            ready.mkdir()
            for file in found:
                shutil.copyfile(file, ready / file.name)
        except (OSError, StopIteration, tarfile.TarError, subprocess.SubprocessError) as error:
            print(f"{name}: not available, measured without it ({type(error).__name__}: {source})")
            return
        ready.rename(home)
    print(f"{name}: fetched ({source})")


def main() -> None:
    """Fetch what is not here yet."""
    fetch("llhttp", f"httptools {HTTPTOOLS} on PyPI", fetch_llhttp)
    fetch("picohttpparser", f"pico-sys {PICO_SYS} on crates.io", fetch_picohttpparser)


if __name__ == "__main__":
    main()
