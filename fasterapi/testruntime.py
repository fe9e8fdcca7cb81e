"""What compiled requests of a TestClient tell it: when they begin, and when all is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fasterapi.plan.exchange import Runtime

if TYPE_CHECKING:
    from fasterapi.testclient import _Call as Call

__all__ = ["TestRuntime"]


class TestRuntime(Runtime):
    """Lets a request end when its plan has ended, dependencies included, as in Starlette's."""

    calls: dict[str, Call]

    def _call_of(self, exchange: Any) -> Call | None:
        scope = exchange.scope()
        found: Call | None = scope.get("fasterapi.call") or self.calls.get(scope["client"][0])
        return found

    def begun(self, exchange: Any) -> None:
        call = self._call_of(exchange)
        if call is not None:
            call.begun += 1

    def over(self, exchange: Any) -> None:
        call = self._call_of(exchange)
        if call is not None:
            self.loop.call_soon_threadsafe(self._over, call)

    def too_late(self, scope: dict[str, Any], around: Any, exc: BaseException | None) -> None:
        self.complete(scope)["fasterapi.call"].begun += 1
        super().too_late(scope, around, exc)

    async def _show(self, scope: dict[str, Any], around: Any, exc: BaseException | None) -> None:
        try:
            await super()._show(scope, around, exc)
        finally:
            self._over(scope["fasterapi.call"])

    @staticmethod
    def _over(call: Call) -> None:
        call.begun -= 1
        call.news.set()
