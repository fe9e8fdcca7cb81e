"""Variables that say how to serve (``FASTERAPI_*``, ``UVICORN_*``, ``WEB_CONCURRENCY``), env files.

A setting's value is that of the first of these: flag or keyword, ``FASTERAPI_<NAME>``,
``UVICORN_<NAME>`` (commands only, as Uvicorn's), ``WEB_CONCURRENCY`` (workers), default. An empty
variable counts as unset.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fasterapi import config
from fasterapi.config import ALIASES
from fasterapi.flags import FLAGS, PLACE, UVICORN_OPTIONS, Flag, instead_of
from fasterapi.log import StartupError, error_logger

__all__ = [
    "check_variables",
    "flag_variables",
    "load_env_files",
    "uvicorn_options",
    "web_concurrency",
]

OURS: Final = config.ENV_PREFIX
UVICORN: Final = "UVICORN_"

#: Variables of ours that are no options: of the build, of the package, of its tests.
_OTHERS: Final = frozenset(
    {"APP", "BUILD", "COMPAT_PLAIN", "COMPAT_SUITE", "LEAK_REQUESTS", "NO_CORE", "PURE"}
)
#: What Kubernetes (and Docker's links) set in every container for a service called "fasterapi" or
#: "fasterapi-...".
_SERVICE: Final = re.compile(
    r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_PORT: Final = re.compile(r"(\w+_)?PORT")
_SERVICE_VALUE: Final = re.compile(r"(tcp|udp|sctp)://")

_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off"})


# -- settings --------------------------------------------------------------------------------------


def flag_variables(
    flags: Iterable[Flag], environ: Mapping[str, str], *, prefix: str
) -> dict[str, Any]:
    """The values of these flags that variables with this prefix set.

    Raises StartupError that names the variable whose text is no value.
    """
    found: dict[str, Any] = {}
    for flag in flags:
        name = prefix + flag.name.upper()
        text = environ.get(name, "")
        if text.strip() and not (prefix == OURS and _is_service(flag.name.upper(), text)):
            found[flag.name] = _value(flag, name, text)
    return found


def _value(flag: Flag, name: str, text: str) -> Any:
    word = text.strip()
    if flag.kind is list:
        return word.split(os.pathsep) if flag.splits == "path" else word.split()
    if flag.kind is bool:
        if word.lower() in _TRUE | _FALSE:
            return word.lower() in _TRUE
        raise StartupError(f"{name} is {text!r}, but must be on or off")
    try:
        return flag.kind(word)
    except ValueError:
        what = "a whole number" if flag.kind is int else "a number of seconds"
        raise StartupError(f"{name} is {text!r}, but must be {what}") from None


def uvicorn_options(environ: Mapping[str, str]) -> dict[str, config.Value]:
    """The core's options that ``UVICORN_*`` variables set, under Uvicorn's names or ours.

    Raises StartupError that names the variable: no value of its option, or TLS, which is not here.
    """
    for name, text in environ.items():
        if name.startswith(UVICORN) and text.strip():
            flag = "--" + name.removeprefix(UVICORN).lower().replace("_", "-")
            advice = instead_of(flag)
            if advice is not None and text.strip().lower() not in _FALSE:
                raise StartupError(advice.replace(flag, name, 1))
    try:
        return config.environment_options(environ, UVICORN, UVICORN_OPTIONS)
    except ValueError as exc:
        raise StartupError(str(exc)) from None


def web_concurrency(environ: Mapping[str, str]) -> int | None:
    """The number of workers that ``WEB_CONCURRENCY`` asks for, if it does."""
    text = environ.get("WEB_CONCURRENCY", "").strip()
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise StartupError(f"WEB_CONCURRENCY is {text!r}, but must be a whole number above 0")
    return number


def load_env_files(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Set the variables of these files that are not set yet, as Uvicorn's ``--env-file``.

    Raises StartupError that names the file, or what is missing to read it.
    """
    for path in paths:
        try:
            Path(path).read_bytes()
        except OSError as exc:
            raise StartupError(f"env_file: cannot read {os.fspath(path)}: {exc.strerror}") from None
        try:
            load = importlib.import_module("dotenv").load_dotenv
        except ImportError:
            raise StartupError(
                f"env_file: reading {os.fspath(path)} needs python-dotenv: "
                "pip install python-dotenv"
            ) from None
        error_logger.info("Loading environment from '%s'", os.fspath(path))
        try:
            load(path)
        except (OSError, ValueError) as exc:
            raise StartupError(f"env_file: {os.fspath(path)} cannot be read: {exc}") from None


# -- names that nobody knows -----------------------------------------------------------------------


def check_variables(environ: Mapping[str, str]) -> None:
    """Raise StartupError for a ``FASTERAPI_*`` variable that is nearly an option; warn of others.

    Those that are options, known otherwise, or set by Kubernetes are neither.
    """
    for name in sorted(environ):
        if not name.startswith(OURS):
            continue
        rest = name.removeprefix(OURS)
        if rest in _NAMES or rest in _OTHERS or _is_service(rest, environ[name]):
            continue
        near = next((known for known in sorted(_NAMES) if _one_edit(rest, known)), None)
        if near is not None:
            raise StartupError(f"{name} is no option; did you mean {OURS}{near}?")
        error_logger.warning("%s is no option of FasterAPI and has no effect.", name)


_NAMES: Final = frozenset(
    name.upper() for name in (*(flag.name for flag in (*PLACE, *FLAGS)), *config.OPTIONS, *ALIASES)
)


def _is_service(name: str, value: str) -> bool:
    if _SERVICE.fullmatch(name) is not None:
        return True
    return (
        _SERVICE_PORT.fullmatch(name) is not None
        and _SERVICE_VALUE.match(value.strip()) is not None
    )


def _one_edit(one: str, other: str) -> bool:
    """Whether a letter too many, too few or wrong, or two exchanged, make one of the other."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    exchanged = len(a) > 1 and len(b) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or exchanged
