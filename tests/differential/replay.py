"""Run a program that a differential test has printed once more.

    python tests/differential/replay.py program.py

The file is what the test shows: the app, ROOT_PATH and REQUESTS. Exit code 1 if they differ.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "support"), str(HERE.parent / "integration" / "support")]


def main() -> int:
    """Compare each of the programs."""
    from difftest.compare import DifferentError, Pair, Program

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("program", type=Path, nargs="+")
    warnings.simplefilter("ignore")
    pair = Pair()
    different = 0
    try:
        for path in parser.parse_args().program:
            text = path.read_text(encoding="utf-8")
            try:
                pair.check(Program.of_text(text))
            except DifferentError as exc:
                different += 1
                print(f"{path}: different\n{str(exc)[len(text) :].strip()}")
            else:
                print(f"{path}: the same")
    finally:
        pair.close()
    return min(1, different)


if __name__ == "__main__":
    sys.exit(main())
