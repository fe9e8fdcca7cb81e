"""Many idle connections beside the active ones: what do the active ones notice?"""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from typing import Any

from contenders import Contender, start
from load import check_answer, idle_connections, measure
from workloads import ALICE, App, Workload

__all__ = ["crowd"]

# Room for the idle, the active and the lookers-on; our default of 10,000 lets them wait.
ROOMY = App("app", (("FASTERAPI_MAX_CONNECTIONS", "20000"),))
ACTIVE = Workload("crowd", "async def, small dict", "/async", ALICE, connections=1000, app=ROOMY)


@dataclasses.dataclass
class _Figures:
    """Of one server, one value a round."""

    alone_p99_us: list[float] = dataclasses.field(default_factory=list)
    p99_us: list[float] = dataclasses.field(default_factory=list)
    alone_cpu_us: list[float] = dataclasses.field(default_factory=list)
    cpu_us: list[float] = dataclasses.field(default_factory=list)
    errors: set[str] = dataclasses.field(default_factory=set)

    def row(self, server: str) -> dict[str, Any]:
        pairs = zip(self.p99_us, self.alone_p99_us, strict=True)
        return {
            "workload": ACTIVE.name,
            "server": server,
            "p99_us": statistics.median(self.p99_us),
            "p99_ratio": statistics.median(with_idle / alone for with_idle, alone in pairs),
            "cpu_ratio": min(self.cpu_us) / min(self.alone_cpu_us),
            "errors": sorted(self.errors),
        }


def crowd(
    contenders: list[Contender],
    folder: pathlib.Path,
    idle: int,
    rounds: int,
    seconds: int,
    cores: tuple[int, int] | None,
) -> list[dict[str, Any]]:
    """One row per server. cores: of the server and of the load. Each round measures without the
    idle ones and with them, so that a slow minute of the machine hits both."""
    server_core, load_core = cores or (None, None)
    rows = []
    print(f"\n{ACTIVE.connections} active connections, alone and beside {idle} idle ones  (crowd)")
    print(f"  {'server':<28}{'p99 ms':>10}{'x alone':>10}{'CPU x':>10}")
    for contender in contenders:
        server = start(contender, ROOMY, folder, server_core)
        try:
            if wrong := check_answer(server, ACTIVE):
                print(f"  {server.name}: left out, wrong answer: {wrong}")
                continue
            measure(server, ACTIVE, 1, load_core)
            figures = _Figures()
            for _ in range(rounds):
                alone = measure(server, ACTIVE, seconds, load_core)
                with idle_connections(server, idle) as held:
                    beside = measure(server, ACTIVE, seconds, load_core)
                if held < idle:
                    figures.errors.add(f"only {held} idle ones were held")
                figures.errors |= {s.errors for s in (alone, beside) if s.errors}
                figures.alone_p99_us.append(alone.p99_us or 0.0)
                figures.p99_us.append(beside.p99_us or 0.0)
                figures.alone_cpu_us.append(alone.cpu_us)
                figures.cpu_us.append(beside.cpu_us)
        finally:
            server.stop()
        row = figures.row(server.name)
        rows.append(row)
        cells = (row["p99_us"] / 1e3, row["p99_ratio"], row["cpu_ratio"])
        line = "".join(f"{cell:>10.2f}" for cell in cells)
        print(f"  {server.name:<28}{line}" + "".join(f"  {error}" for error in row["errors"]))
    return rows
