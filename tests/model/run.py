"""Check the models in this folder with SPIN: `make model`.

Each protocol is explored completely and must hold. Then one thing is taken out of it at a
time (BREAK_x), and SPIN must find the error: a model that cannot fail would show nothing.

Needs spin (Debian, Ubuntu: apt-get install spin) and a C compiler.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

HERE = pathlib.Path(__file__).parent
DEPTH = 1_000_000

Flags = tuple[str, ...]

# Model, what must hold, what must be found.
MODELS: tuple[tuple[str, tuple[Flags, ...], tuple[Flags, ...]], ...] = (
    (
        "wakeup",
        tuple((f"PRODUCERS={p}", *edge) for edge in ((), ("EDGE",)) for p in (1, 2)),
        (
            *(
                (f"BREAK_{what}", *edge)
                for edge in ((), ("EDGE",))
                for what in ("FENCE", "RECHECK", "ACQUIRE", "RELEASE")
            ),
            ("BREAK_CLEAR",),
        ),
    ),
    (
        "parker",
        (
            *((f"PRODUCERS={p}", f"CONSUMERS={c}") for p, c in ((1, 1), (1, 2), (2, 1))),
            ("PRODUCERS=2", "CONSUMERS=2", "ITEMS=1"),
        ),
        tuple(
            (f"BREAK_{what}", f"CONSUMERS={c}")
            for c in (1, 2)
            for what in ("FENCE", "RECHECK", "KEY", "ACQUIRE")
        ),
    ),
    (
        "workers",
        (("WORKERS=2",), ("WORKERS=3", "ITEMS=5"), ("START_FAILS",)),
        (
            ("BREAK_RECHECK",),
            ("BREAK_CHAIN",),
            ("BREAK_AGAIN",),
            ("WORKERS=3", "ITEMS=5", "BREAK_AGAIN"),
            ("START_FAILS", "BREAK_FAILED"),
        ),
    ),
    (
        "nap",
        (("WORKERS=1",), ("WORKERS=2",)),
        (("BREAK_RELEASE",), ("BREAK_ORDER",)),
    ),
)


def explore(model: str, flags: Flags, work: pathlib.Path) -> tuple[int, int]:
    """Errors found (SPIN stops at the first), and states seen."""
    defines = [f"-D{flag}" for flag in flags]
    spin = ["spin", "-a", *defines, str(HERE / f"{model}.pml")]
    compiler = [os.environ.get("CC", "cc"), "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"]
    output = ""
    for command in (spin, compiler, ["./pan", f"-m{DEPTH}"]):
        done = subprocess.run(command, cwd=work, capture_output=True, text=True)
        output = done.stdout + done.stderr
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}:\n{output}")
    errors = re.search(r"errors: (\d+)", output)
    states = re.search(r"(\S+) states, stored", output)
    cut_off = "max search depth too small" in output or "violated (writes<" in output
    if errors is None or states is None or cut_off:
        raise SystemExit(f"{model} {flags}: not explored to the end\n{output}")
    return int(errors[1]), int(float(states[1]))


def cases() -> Iterator[tuple[str, Flags, bool]]:
    for model, hold, found in MODELS:
        yield from ((model, flags, True) for flags in hold)
        yield from ((model, flags, False) for flags in found)


def main() -> int:
    if shutil.which("spin") is None:
        print("the models need SPIN: apt-get install spin (Debian, Ubuntu)", file=sys.stderr)
        return 1
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for model, flags, must_hold in cases():
            errors, states = explore(model, flags, pathlib.Path(folder))
            good = (errors == 0) == must_hold
            wrong += not good
            outcome = "holds" if errors == 0 else "an error is found"
            mark = "" if good else "   WRONG"
            print(f"{model:8} {' '.join(flags):36} {outcome:18} {states:9,} states{mark}")
    print(f"models: {'FAILED' if wrong else 'passed'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
