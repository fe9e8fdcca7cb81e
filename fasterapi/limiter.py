"""AnyIO's limiter of threads counts for the core's workers, too.

``anyio.to_thread.current_default_thread_limiter()`` says how many blocking calls may run at a time.
While a server runs, the tokens that it lends are the core's, from which a worker that runs `def`
handlers takes its own: the sum never exceeds ``total_tokens``. Loop thread only.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, Final

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled
from anyio.to_thread import current_default_thread_limiter

try:
    from anyio._backends._asyncio import CapacityLimiter as _Limiter
except ImportError:  # another AnyIO
    from anyio import CapacityLimiter as _Limiter  # type: ignore[assignment]

__all__ = ["SharedLimiter", "share", "unshare"]

#: Tokens of AnyIO's own that nobody has changed yet.
_DEFAULT: Final = 40
_UNLIMITED: Final = 2**32 - 1
#: Stands for a worker among the borrowers.
_WORKER: Final = "FasterAPI worker"


class _Borrowers(set[Any]):
    """Who has borrowed outside the core, and the core that lends; None when that has stopped."""

    core: Any = None
    most: float = math.inf


class SharedLimiter(_Limiter):
    """AnyIO's limiter, made one of these by `share`, and its own self again after `unshare`."""

    __slots__ = ()

    _borrowers: _Borrowers
    _wait_queue: Any

    @property
    def total_tokens(self) -> float:
        return self._total_tokens

    @total_tokens.setter
    def total_tokens(self, value: float) -> None:
        core = self._borrowers.core
        _Limiter(value)  # raises for what is no number of tokens
        self._total_tokens = min(value, self._borrowers.most)
        core.set_tokens(_count(self._total_tokens))
        while self._wait_queue and core.take_token():
            if not core.renounce_token():  # a worker was quicker
                self._give()
                break
            self._lend()

    @property
    def borrowed_tokens(self) -> int:
        used: int = self._borrowers.core.tokens()[0]
        return used

    @property
    def available_tokens(self) -> float:
        return self.total_tokens - self.borrowed_tokens

    def statistics(self) -> anyio.CapacityLimiterStatistics:
        used, waiting = self._borrowers.core.tokens()
        workers = (_WORKER,) * max(used - len(self._borrowers), 0)
        return anyio.CapacityLimiterStatistics(
            used,
            self.total_tokens,
            (*self._borrowers, *workers),
            len(self._wait_queue) + waiting,
        )

    def acquire_on_behalf_of_nowait(self, borrower: object) -> None:
        if borrower in self._borrowers:
            raise RuntimeError(
                "this borrower is already holding one of this CapacityLimiter's tokens"
            )
        if self._wait_queue or not self._borrowers.core.take_token():
            raise anyio.WouldBlock
        self._borrowers.add(borrower)

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        await checkpoint_if_cancelled()
        try:
            self.acquire_on_behalf_of_nowait(borrower)
        except anyio.WouldBlock:
            await self._wait(borrower)
            return
        try:
            await cancel_shielded_checkpoint()
        except BaseException:
            self.release_on_behalf_of(borrower)
            raise

    async def _wait(self, borrower: object) -> None:
        event = self._wait_queue[borrower] = asyncio.Event()
        if self._borrowers.core.await_token():
            self._lend()
        try:
            await event.wait()
        except BaseException:
            if event.is_set():
                self.release_on_behalf_of(borrower)
            else:
                del self._wait_queue[borrower]
                if isinstance(self, SharedLimiter):
                    self._borrowers.core.renounce_token()
            raise

    def release_on_behalf_of(self, borrower: object) -> None:
        try:
            self._borrowers.remove(borrower)
        except KeyError:
            raise RuntimeError(
                "this borrower isn't holding any of this CapacityLimiter's tokens"
            ) from None
        self._give()

    def passed(self, count: int) -> None:
        """Workers have passed on so many tokens. Who waited for one may be gone."""
        for _ in range(count):
            if self._wait_queue:
                self._lend()
            else:
                self._give()

    def _give(self) -> None:
        if self._borrowers.core.give_token():
            self._lend()

    def _lend(self) -> None:
        """The first who waits has the token that was taken for it."""
        borrower, event = self._wait_queue.popitem(last=False)
        self._borrowers.add(borrower)
        event.set()


def _count(total: float) -> int:
    return _UNLIMITED if total >= _UNLIMITED else int(total)


def share(core_server: Any, most: int | None) -> SharedLimiter | None:
    """Let this loop's limiter and a core that has not started share their tokens.

    most: never more, since the user has said so; it is also how many there are while nobody has
    said so in AnyIO's way. None if that limiter cannot be shared: another server has it, or it is
    not AnyIO's as we know it. Its tokens at this moment then count for the core alone.
    """
    limiter: Any = current_default_thread_limiter()
    total = limiter.total_tokens
    if most is not None:
        total = most if total == _DEFAULT else min(total, most)
    if type(limiter) is not _Limiter or not hasattr(limiter, "_wait_queue"):
        core_server.set_tokens(_count(total))
        return None
    borrowers = _Borrowers(limiter._borrowers)
    borrowers.core = core_server
    borrowers.most = math.inf if most is None else most
    # Those who have tokens or wait already: as if they came now, in the same order.
    core_server.share_tokens(_UNLIMITED, lambda count: shared.passed(count))
    for _ in borrowers:
        core_server.take_token()
    core_server.set_tokens(0)
    for _ in limiter._wait_queue:
        core_server.await_token()
    limiter._borrowers = borrowers
    limiter.__class__ = SharedLimiter
    shared: Any = limiter
    shared.total_tokens = total
    found: SharedLimiter = shared
    return found


def unshare(limiter: SharedLimiter | None) -> None:
    """The core stops: from now on the limiter is AnyIO's alone."""
    if limiter is None:
        return
    own: Any = limiter
    own._borrowers = set(limiter._borrowers)
    own.__class__ = _Limiter
    own.total_tokens = own._total_tokens  # for those who waited for a worker's
