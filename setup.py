"""Builds the C core. Everything else about the package stands in pyproject.toml.

FASTERAPI_BUILD chooses how: release (default), debug, asan (address + undefined) or tsan.
"""

import glob
import http
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

WARNINGS = ["-Wall", "-Wextra", "-Wshadow"]
COMMON = ["-std=gnu11", *WARNINGS, "-fvisibility=hidden", "-pthread", "-fstack-protector-strong"]
CHECKED = ["-g", "-fno-omit-frame-pointer", "-UNDEBUG", "-DFA_DEBUG=1", "-U_FORTIFY_SOURCE"]
LTO = ["-flto=auto"]
# name: (flags of compiling and linking, flags of compiling alone)
BUILDS = {
    "release": (
        ["-O3"],
        ["-DNDEBUG", "-fno-semantic-interposition", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
        + (["-fcf-protection"] if platform.machine() in ("x86_64", "AMD64") else []),
    ),
    "debug": (["-O0"], CHECKED),
    "asan": (["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"], CHECKED),
    "tsan": (["-O1", "-fsanitize=thread"], CHECKED),
}


def check_tools(compiler):
    """Stop with one line that names the fix where the core cannot be compiled here."""
    if shutil.which(compiler) is None:
        sys.exit(
            f"fasterapi: no C compiler: {compiler!r} was not found. "
            "Install gcc (Debian, Ubuntu: apt-get install build-essential) or set CC."
        )
    if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
        sys.exit(
            "fasterapi: Python.h was not found. Install the headers of this Python "
            "(Debian, Ubuntu: apt-get install python3-dev)."
        )


def links_with(command, flags):
    """True if this compiler can make a program with these flags."""
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "probe.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("int main(void) { return 0; }\n")
        run = [*command, *flags, source, "-o", os.path.join(folder, "probe")]
        return subprocess.run(run, capture_output=True).returncode == 0


class BuildCore(build_ext):
    """build_ext that chooses the flags and compiles the files side by side."""

    def build_extension(self, ext):
        if (name := os.environ.get("FASTERAPI_BUILD", "release")) not in BUILDS:
            sys.exit(f"fasterapi: FASTERAPI_BUILD={name!r} is not one of {', '.join(BUILDS)}")
        command = self.compiler.compiler_so
        check_tools(command[0])
        both, compile_only = BUILDS[name]
        if name == "release" and links_with(command, LTO):
            both = both + LTO
        ext.extra_compile_args = COMMON + both + compile_only
        ext.extra_link_args = ["-pthread", "-Wl,-z,relro,-z,now", *both]

        compile_files = self.compiler.compile

        def compile_in_parallel(sources, **options):
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                lists = pool.map(lambda source: compile_files([source], **options), sources)
                return [item for objects in lists for item in objects]

        self.compiler.compile = compile_in_parallel
        super().build_extension(ext)


CORE = Extension(
    "fasterapi._fasterapi_core",
    sources=sorted(glob.glob("csrc/**/*.c", recursive=True)),
    depends=sorted(glob.glob("csrc/**/*.h", recursive=True)),
    include_dirs=["csrc"],
    define_macros=[
        ("_GNU_SOURCE", None),
        # Python 3.13 renamed four reason phrases; answers carry those of the Python they run on.
        ("FA_HTTP_STATUS_OLD_REASONS", str(int("Entity" in http.HTTPStatus(422).phrase))),
    ],
)

# Elsewhere than on Linux the package installs without the core and serves through Uvicorn.
on_linux = sys.platform == "linux"
setup(ext_modules=[CORE] if on_linux else [], cmdclass={"build_ext": BuildCore})
