"""Questions to endpoints: what kind of callable is it, and can its code suspend?"""

from __future__ import annotations

import dis
import functools
import inspect
from collections.abc import Callable
from types import CodeType, FunctionType, MethodType
from typing import Any, Final

__all__ = [
    "can_suspend",
    "function_of",
    "generator_can_suspend",
    "is_inline",
    "is_plain_endpoint",
    "is_plain_generator",
    "names",
]

#: A code object without any of these in its instruction names has nowhere to suspend.
_SUSPENDING: Final = ("SEND", "YIELD", "AWAIT", "ASYNC", "AITER", "ANEXT")
#: The same for an async generator, which is not suspended by its own ``yield``.
_WAITING: Final = ("SEND", "AWAIT", "AITER", "ANEXT", "ASYNC_FOR", "ASYNC_WITH")
_GENERATOR_FLAGS: Final = (
    inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE
)


def function_of(call: Callable[..., Any]) -> FunctionType | None:
    """The plain function below bound methods and partials, or None if there is none."""
    target: Any = call
    while True:
        if type(target) is functools.partial:
            target = target.func
        elif type(target) is MethodType:
            target = target.__func__
        else:
            return target if type(target) is FunctionType else None


def can_suspend(call: Callable[..., Any]) -> bool:
    """Whether the coroutine of an ``async def`` endpoint might wait for something.

    False only if the code of the function itself holds no await, async for, async with or yield.
    Decorated functions count as suspending.
    """
    function = function_of(call)
    if function is None or hasattr(function, "__wrapped__"):
        return True
    return _code_suspends(function.__code__)


def _code_suspends(code: CodeType) -> bool:
    return not code.co_flags & inspect.CO_COROUTINE or _has_instruction(code, _SUSPENDING)


def _has_instruction(code: CodeType, words: tuple[str, ...]) -> bool:
    return any(
        word in instruction.opname for instruction in dis.get_instructions(code) for word in words
    )


def is_plain_generator(call: Callable[..., Any], flag: int) -> bool:
    """Whether calling it gives a generator of its own code, nothing that a decorator has made.

    flag: ``inspect.CO_GENERATOR`` or ``inspect.CO_ASYNC_GENERATOR``.
    """
    function = function_of(call)
    if function is None or hasattr(function, "__wrapped__"):
        return False
    return bool(function.__code__.co_flags & flag)


def generator_can_suspend(call: Callable[..., Any]) -> bool:
    """As `can_suspend`, for the ``async def`` functions that `is_plain_generator` knows."""
    function = function_of(call)
    return function is None or _has_instruction(function.__code__, _WAITING)


def names(call: Callable[..., Any], attribute: str) -> bool:
    """Whether the code of a function, or of one inside it or below its decorators, names this
    attribute. Functions that it calls are not looked at."""
    target: Any = call
    while type(target) is functools.partial:
        target = target.func
    below: Any = type(target).__call__
    if isinstance(target, type):
        below = target.__init__  # type: ignore[misc]
    function: Any = function_of(target) or function_of(below)
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and _code_names(code, attribute):
            return True
        function = getattr(function, "__wrapped__", None)
    return False


def _code_names(code: CodeType, attribute: str) -> bool:
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return attribute in code.co_names or any(_code_names(one, attribute) for one in inner)


def is_inline(call: Callable[..., Any]) -> bool:
    """Whether the endpoint was marked with `fasterapi.inline`."""
    function = function_of(call)
    return function is not None and getattr(function, "__fasterapi_inline__", False) is True


def is_plain_endpoint(call: Callable[..., Any], is_coroutine: bool) -> bool:
    """Whether the core may call it directly, by position: a plain def or async def function.

    is_coroutine: what FastAPI thinks. It looks below decorators, so a plain wrapper around an
    ``async def`` counts as one; the core wants to see it on the function that is really called.
    """
    function = function_of(call)
    if function is None:
        return False
    flags = function.__code__.co_flags
    if flags & _GENERATOR_FLAGS or bool(flags & inspect.CO_COROUTINE) != is_coroutine:
        return False
    return function.__code__.co_posonlyargcount <= _bound_arguments(call)


def _bound_arguments(call: Any) -> int:
    """1 for a bound method (its self may well be positional-only), else 0."""
    return int(type(call) is MethodType)
