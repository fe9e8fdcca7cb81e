"""Plain functions that cannot block: nothing tells whether they run in a thread or on the loop.

FastAPI runs every ``def`` dependency in a thread, which costs far more than most of them do. One
whose code does no more than build containers, compare, branch and raise cannot wait for anything,
and sees neither its thread nor its context. It may be called where it is needed.
"""

from __future__ import annotations

import builtins
import dis
import functools
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, Final

from fastapi.exceptions import HTTPException
from starlette.exceptions import HTTPException as StarletteHTTPException

__all__ = ["is_leaf", "is_remembered", "remembers"]

#: Beginnings of instruction names (CPython 3.11 to 3.14) that run no code but the interpreter's.
_PLAIN: Final = (
    "RESUME", "NOP", "CACHE", "PRECALL", "KW_NAMES", "PUSH_NULL", "POP_TOP", "COPY", "SWAP",
    "NOT_TAKEN", "EXTENDED_ARG", "LOAD_FAST", "STORE_FAST", "LOAD_CONST", "LOAD_SMALL_INT",
    "LOAD_DEREF", "LOAD_CLOSURE", "MAKE_CELL", "COPY_FREE_VARS", "BUILD_TUPLE", "BUILD_LIST",
    "BUILD_MAP", "BUILD_CONST_KEY_MAP", "LIST_EXTEND", "UNARY_NOT", "IS_OP", "COMPARE_OP",
    "CONTAINS_OP", "TO_BOOL", "POP_JUMP", "JUMP_FORWARD", "JUMP_IF", "RETURN_VALUE",
    "RETURN_CONST", "RAISE_VARARGS", "LOAD_ASSERTION_ERROR",
)  # fmt: skip
_CALLS: Final = ("CALL", "CALL_KW")
#: What a leaf may call.
_CALLABLE: Final = (HTTPException, StarletteHTTPException, len, isinstance, str, int, float, bool)


def _plain_function(call: Any) -> tuple[FunctionType | None, bool]:
    """(the function that a call runs, whether it is the __init__ of a plain class)."""
    if type(call) is FunctionType:
        return call, False
    if type(call) is type and getattr(call, "__new__", None) is object.__new__:
        made = call.__dict__.get("__init__")
        if type(made) is FunctionType:
            return made, True
    return None, False


def _global(function: FunctionType, name: str) -> Any:
    found = function.__globals__.get(name, function)
    return getattr(builtins, name, function) if found is function else found


def _is_module(function: FunctionType, before: dis.Instruction | None) -> bool:
    if before is None or before.opname != "LOAD_GLOBAL":
        return False
    return isinstance(_global(function, before.argval), ModuleType)


def _stored_on_self(before: dis.Instruction | None) -> bool:
    """Whether the object on the stack's top is the first argument, ``self``."""
    return before is not None and before.opname.startswith("LOAD_FAST") and (
        before.argval == "self" or (type(before.argval) is tuple and before.argval[-1] == "self")
    )  # fmt: skip


def _refusals(function: FunctionType, is_init: bool) -> Iterator[str]:
    """The instructions that might run somebody's code."""
    targets = calls = 0
    before: dis.Instruction | None = None
    for step in dis.get_instructions(function.__code__):
        name = step.opname
        if name == "LOAD_GLOBAL":
            if step.arg is not None and step.arg & 1:  # to be called
                targets += 1
                if not any(_global(function, step.argval) is one for one in _CALLABLE):
                    yield name
        elif name in _CALLS:
            calls += 1
        elif name == "LOAD_ATTR":
            # An attribute of an object may be a database query; one of a module is a constant.
            if not _is_module(function, before):
                yield name
        elif name == "STORE_ATTR":
            if not (is_init and _stored_on_self(before)):
                yield name
        elif not name.startswith(_PLAIN):
            yield name
        if name not in ("EXTENDED_ARG", "CACHE", "PUSH_NULL"):
            before = step
    if calls != targets:
        yield "CALL"


def is_leaf(call: Callable[..., Any]) -> bool:
    """Whether calling it runs nothing that could wait, or look at its thread or context.

    True only for plain functions, and for classes whose ``__init__`` just keeps its arguments.
    """
    function, is_init = _plain_function(call)
    if function is None or hasattr(function, "__wrapped__"):
        return False
    return next(_refusals(function, is_init), None) is None


def remembers(call: Callable[..., Any]) -> bool:
    """Whether it is a function of `functools.lru_cache`, such as those that read the settings.

    Without arguments it has one answer. See `is_remembered`.
    """
    return type(call) is functools._lru_cache_wrapper and call.cache_parameters()["maxsize"] != 0


def is_remembered(call: Any) -> bool:
    """Whether the one answer of such a function is known: then calling it runs nothing else."""
    return functools._lru_cache_wrapper.cache_info(call)[3] > 0
