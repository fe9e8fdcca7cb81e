"""Random route tables: which endpoint, with what, or 404, 405 or a redirect, is FastAPI's decision."""

from __future__ import annotations

import pytest
from difftest.compare import Pair, Program
from difftest.tables import tables
from hypothesis import HealthCheck, given, settings

#: Each has up to 20 requests; a tenth as many as the profile says if that is more.
EXAMPLES = max(300, settings().max_examples // 10)

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def test_same_decisions(pair: Pair):
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=False)
    @given(tables())
    def check(program: Program) -> None:
        pair.check(program)

    check()
