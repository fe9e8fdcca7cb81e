"""Programs nobody wrote: FastAPI and FasterAPI answer the same and do the same meanwhile."""

from __future__ import annotations

import pytest
from difftest.apps import programs
from difftest.compare import Pair, Program
from hypothesis import HealthCheck, given, settings

#: 500 of them usually; what the profile says if that is more (`make differential`).
EXAMPLES = max(500, settings().max_examples)

#: What a program warns about when it is read, or of values it returns, is not what is looked at.
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]


def test_same_answers_and_same_calls(pair: Pair):
    check(pair, EXAMPLES)


def test_same_answers_and_same_calls_on_uvicorn(pair_on_uvicorn: Pair):
    check(pair_on_uvicorn, EXAMPLES // 3)


def check(pair: Pair, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), print_blob=False)
    @given(programs())
    def check_one(program: Program) -> None:
        pair.check(program)

    check_one()
