"""When a worker is asked for a sign of life, and when it counts as hung."""

from __future__ import annotations

from fasterapi.channel import PING
from fasterapi.config import OPTIONS
from fasterapi.health import Health


def test_nothing_is_asked_without_a_timeout():
    told: list[str] = []
    health = Health(0.0, told.append, 0.0)
    assert health.due() == float("inf")
    assert not health.look(1e9)
    assert told == []


def test_it_is_asked_again_some_time_after_an_answer():
    told: list[str] = []
    health = Health(4.0, told.append, 10.0)
    assert health.due() == 12.0
    assert not health.look(11.9)
    assert told == []
    assert not health.look(12.0)
    assert told == [PING]
    health.answered(12.5)
    assert health.due() == 14.5
    assert not health.look(14.5)
    assert told == [PING, PING]


def test_an_answer_that_does_not_come_is_told():
    told: list[str] = []
    health = Health(4.0, told.append, 0.0)
    assert not health.look(2.0)
    assert health.due() == 6.0
    assert not health.look(5.9)
    assert health.look(6.0)
    assert told == [PING]


def test_a_late_look_asks_first():
    """The parent itself was not scheduled: that is no fault of the worker's."""
    health = Health(4.0, lambda _: None, 0.0)
    assert not health.look(1000.0)
    assert not health.look(1003.9)
    assert health.look(1004.0)


def test_nobody_is_asked_unless_that_was_asked_for():
    """A worker that is merely busy must not be killed."""
    assert OPTIONS["timeout_worker_healthcheck"].default == 0.0
