"""``python -m fasterapi``: the command line, and the body of each worker process."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Run one worker (``--worker JSON``, used by the supervisor only) or the command line."""
    if len(sys.argv) == 3 and sys.argv[1] == "--worker":
        from fasterapi.server import run_worker

        sys.exit(run_worker(json.loads(sys.argv[2])))
    from fasterapi.cli import main as cli_main

    cli_main()


if __name__ == "__main__":
    main()
