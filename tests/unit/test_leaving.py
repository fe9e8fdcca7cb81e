"""SystemExit and KeyboardInterrupt that leave the event loop: whose they are, and who gets them."""

from __future__ import annotations

import asyncio
import gc
import sys
import warnings
from typing import Any

import pytest
from starlette.responses import StreamingResponse

from fasterapi.batch import BatchTask
from fasterapi.leaving import (
    Held,
    claim,
    guarded,
    is_closed,
    is_of_request,
    released,
    run_to_end,
    start_guarded,
)

LOOPS = [asyncio.new_event_loop]
try:
    import uvloop
except ImportError:
    pass
else:
    LOOPS.append(uvloop.new_event_loop)


@pytest.fixture(params=LOOPS)
def loop(request):
    made = request.param()
    yield made
    made.close()


async def leave(exc: BaseException) -> None:
    await asyncio.sleep(0)
    raise exc


@pytest.mark.parametrize("exc", [SystemExit(3), KeyboardInterrupt()])
def test_what_is_held_goes_to_who_awaits_it(loop, exc):
    seen: list[Any] = []

    async def main() -> None:
        task = asyncio.ensure_future(leave(exc))
        await asyncio.wait([task])
        seen.append(task.exception())

    run_to_end(loop, main(), lambda found: seen.append(found) is None)
    assert seen == [exc, exc]


def test_what_is_not_held_ends_it(loop):
    async def main() -> None:
        task = asyncio.ensure_future(leave(SystemExit(3)))
        await asyncio.Event().wait()
        del task

    with pytest.raises(SystemExit):
        run_to_end(loop, main(), lambda exc: False)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))


def test_what_the_main_task_raises_is_raised(loop):
    for exc in (SystemExit(3), KeyboardInterrupt(), ValueError()):
        with pytest.raises(type(exc)):
            run_to_end(loop, leave(exc), lambda exc: True)


def test_whose_it_is():
    assert not is_of_request(SystemExit(), [])
    mine = SystemExit()
    claim(mine)
    assert is_of_request(mine, [])


def test_a_waiting_task_has_it(loop):
    exc, found = SystemExit(), []
    task = loop.create_task(leave(exc))

    async def main() -> None:
        await asyncio.wait([task])

    run_to_end(loop, main(), lambda exc: found.append(is_of_request(exc, [task])) is None)
    assert found == [True]
    assert not is_of_request(KeyboardInterrupt(), [task])


def test_code_that_serves_requests_is_seen_in_the_traceback():
    async def pieces():
        yield b"a"
        raise SystemExit

    async def main() -> None:
        async def send(message: Any) -> None: ...

        await StreamingResponse(pieces()).stream_response(send)

    with pytest.raises(SystemExit) as caught:
        asyncio.run(main())
    assert is_of_request(caught.value, [])


def test_a_class_that_takes_no_attributes_is_no_error():
    class Closed(SystemExit):
        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(name)

    exc = Closed()
    claim(exc)
    assert not is_of_request(exc, [])


def test_a_guarded_task_keeps_it(loop):
    exc = SystemExit(3)

    async def main(eager: bool) -> None:
        given: dict[str, Any] = {"loop": loop, "context": None}
        if eager:
            given["eager_start"] = True
        task = start_guarded(leave(exc), **given)
        await asyncio.wait([task])
        held = task.exception()
        assert type(held) is Held
        assert released(held) is exc

    for eager in (False, True)[: 2 if sys.version_info >= (3, 12) else 1]:
        loop.run_until_complete(main(eager))
    assert released("as it is") == "as it is"


def test_a_guarded_task_cancelled_before_its_first_step_leaves_nothing(loop):
    async def never() -> None:
        raise AssertionError("it has begun")

    async def main() -> None:
        task = start_guarded(never(), loop=loop, context=None)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for factory in (None, lambda loop, inner, **given: asyncio.Task(inner, loop=loop, **given)):
            loop.set_task_factory(factory)
            loop.run_until_complete(main())
        gc.collect()
    assert [str(one.message) for one in caught] == []


def test_the_users_task_factory_makes_guarded_tasks(loop):
    made: list[Any] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def value() -> int:
        return 1

    async def main() -> None:
        loop.set_task_factory(factory)
        assert await start_guarded(value(), loop=loop, context=None) == 1
        loop.set_task_factory(None)

    loop.run_until_complete(main())
    assert len(made) == 1


def test_guarded_lets_all_else_through(loop):
    with pytest.raises(ValueError, match="x"):
        loop.run_until_complete(guarded(leave(ValueError("x"))))
    with pytest.raises(GeneratorExit):
        loop.run_until_complete(guarded(leave(GeneratorExit())))


def test_a_closed_coroutine_and_one_that_raises_are_told_apart(loop):
    seen: list[bool] = []

    class Run:
        task: asyncio.Task[None] | None = None

        async def run(self, inner: Any) -> None:
            try:
                await inner
            except GeneratorExit as exc:
                seen.append(is_closed(exc, self.task))
                raise

    async def main() -> None:
        raises, waits = Run(), Run()
        raises.task = loop.create_task(raises.run(leave(GeneratorExit())))
        await asyncio.wait([raises.task])
        assert isinstance(raises.task.exception(), GeneratorExit)
        closed = waits.run(leave(ValueError()))
        waits.task = raises.task
        closed.send(None)
        closed.close()

    loop.run_until_complete(main())
    gc.collect()
    assert seen == [False, True]
    assert not is_closed(ValueError(), None)
    assert not is_closed(GeneratorExit(), None)


def test_a_guest_that_stops_before_its_first_step_awaits_all():
    async def main() -> BatchTask:
        batch = BatchTask(asyncio.get_running_loop(), is_guest=True)
        batch.cancel()
        await asyncio.wait([batch.task])
        return batch

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        batch = asyncio.run(main())
        assert batch.task.cancelled()
        del batch
        gc.collect()
    assert [str(one.message) for one in seen] == []
