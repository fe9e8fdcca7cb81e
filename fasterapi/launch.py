"""From what was given (flags or keywords, and variables) to settings of a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fasterapi import config, log
from fasterapi.default_headers import header_pairs
from fasterapi.discover import Target, find_target
from fasterapi.environment import (
    check_variables,
    flag_variables,
    load_env_files,
    uvicorn_options,
    web_concurrency,
)
from fasterapi.flags import FLAGS, PLACE, UVICORN_FLAGS
from fasterapi.log import StartupError, error_logger
from fasterapi.settings import Settings

__all__ = ["Given", "command_settings", "keyword_settings", "program_target"]

#: Words for what the core does anyhow, and for what it does not.
_HTTP: Final = ("auto", "h11", "httptools")
_WEBSOCKETS: Final = ("auto", "websockets", "websockets-sansio", "wsproto")
_INTERFACES: Final = ("auto", "asgi", "asgi3", "asgi2", "wsgi")
#: Of Granian's, ASGI without a lifespan.
_NO_LIFESPAN: Final = "asginl"

EVERY_ADDRESS: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Given:
    """Values that somebody has given, without those that nobody has.

    flags: by name, from the command line or keywords; options: the core's, likewise; defaults:
    the core's that take effect if neither the app nor a variable of ours says another.
    """

    flags: dict[str, Any]
    options: dict[str, Any]
    defaults: dict[str, Any]

    @classmethod
    def of(cls, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Given:
        """Split values by whether their names are of the core's options."""
        options = {name: value for name, value in values.items() if name in config.OPTIONS}
        flags = {name: value for name, value in values.items() if name not in options}
        return cls(flags, options, dict(defaults or {}))


def keyword_settings(given: Given) -> Settings:
    """Settings of a server that a program starts. `given.flags` may have an ``app_dir``, which is
    put first on ``sys.path`` here, as Uvicorn does.

    Reads env files and variables. Raises StartupError for any value that is none.
    """
    values = dict(given.flags)
    _read_env_files(values, flag_variables(FLAGS, os.environ, prefix=config.ENV_PREFIX))
    values = flag_variables(FLAGS, os.environ, prefix=config.ENV_PREFIX) | values
    folder = values.pop("app_dir", None)
    if folder is not None:
        sys.path.insert(0, os.fspath(folder))
    values.pop("factory", None)
    return _settings(values, given.options, given.defaults)


def command_settings(
    given: Given, target: str | None, own: Mapping[str, Any]
) -> tuple[Target, Settings]:
    """The app's place, and the settings, of ``fasterapi run`` and ``dev``.

    target: what the command line says of the app, or None. own: the command's values of flags that
    nobody gives. Raises as `keyword_settings`.
    """
    before = dict(os.environ)
    theirs = flag_variables(UVICORN_FLAGS, before, prefix="UVICORN_")
    defaults = given.defaults | uvicorn_options(before)
    flags = (*PLACE, *FLAGS)
    folder = given.flags.get("working_dir", os.environ.get("FASTERAPI_WORKING_DIR"))
    if folder:
        _change_to(folder)
    values = dict(given.flags)
    ours = flag_variables(flags, before, prefix=config.ENV_PREFIX)
    _read_env_files(values, theirs | ours)
    ours = flag_variables(flags, os.environ, prefix=config.ENV_PREFIX)
    values = {**own, **theirs, **ours, **values}
    values.pop("working_dir", None)
    text = target or os.environ.get("FASTERAPI_APP") or before.get("UVICORN_APP") or None
    is_file, place = find_place(text, values)
    if is_file:  # the forms of `fastapi run`
        values.setdefault("host", EVERY_ADDRESS)
        if port := os.environ.get("PORT", "").strip():
            values.setdefault("port", _number("PORT", port))
    return place, _settings(values, given.options, defaults)


def find_place(text: str | None, values: dict[str, Any]) -> tuple[bool, Target]:
    """Whether the app is named as ``fastapi run`` wants it (a file, or not at all), and its place.

    Takes the flags of `PLACE` out of `values`.
    """
    app_name = values.pop("app_name", None)
    entrypoint = values.pop("entrypoint", None)
    if entrypoint is not None:
        if text is not None or app_name is not None:
            raise StartupError("give either the app, or --entrypoint, not both")
        text = entrypoint
    is_file = entrypoint is not None or text is None or _is_path(text)
    place = find_target(
        text,
        app_name=app_name,
        factory=bool(values.pop("factory", False)),
        folder=values.pop("app_dir", None),
    )
    return is_file, place


def _is_path(text: str) -> bool:
    location = text.partition(":")[0]
    return location.endswith(".py") or "/" in location


def _change_to(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as exc:
        raise StartupError(f"working_dir: cannot change to {folder}: {exc.strerror}") from None


def _read_env_files(values: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    paths = values.get("env_file", others.get("env_file"))
    if paths:
        seen = {**others, **values}
        log.configure(
            seen.get("log_level"),
            seen.get("use_colors"),
            seen.get("log_config"),
            keep=bool(seen.get("keep_logging", False)),
        )
        load_env_files(paths)
    check_variables(os.environ)


def _settings(
    values: dict[str, Any], options: dict[str, Any], defaults: dict[str, Any]
) -> Settings:
    """Settings of values that are all known by name."""
    if "workers" not in values and (number := web_concurrency(os.environ)) is not None:
        values["workers"] = number
    values.pop("env_file", None)
    if values.pop("verbose", False):
        values.setdefault("log_level", "debug")
    if "uds_permissions" in values:
        values["uds_permissions"] = _mode(values["uds_permissions"])
    if "headers" in values:
        values["headers"] = header_pairs(values["headers"])
    for name in ("pid_file", "log_config"):
        if isinstance(values.get(name), os.PathLike):
            values[name] = os.fspath(values[name])
    for name in ("reload_dirs", "reload_includes", "reload_excludes"):
        if name in values:
            values[name] = [os.fspath(one) for one in values[name]]
    _check_words(values)
    _check_kinds(values)
    if values.get("reload") and values.get("workers", 1) != 1:
        error_logger.warning('"workers" has no effect while reloading.')
        values["workers"] = 1
    if not values.get("reload") and any(
        values.get(name) for name in ("reload_dirs", "reload_includes", "reload_excludes")
    ):
        error_logger.warning("What to watch has no effect without reload.")
    return Settings(**values, options=options, defaults=defaults)


def _check_words(values: dict[str, Any]) -> None:
    """See that these words mean something here, and put them as `Settings` has them."""
    http = values.pop("http", "auto")
    if http not in _HTTP:
        raise StartupError(
            f"http is {http!r}, but must be one of {', '.join(_HTTP)}: HTTP/1.1 is what there is"
        )
    ws = values.pop("ws", "auto")
    if ws not in (*_WEBSOCKETS, "none"):
        raise StartupError(
            f"ws is {ws!r}, but must be none, or {', '.join(_WEBSOCKETS)} (which mean the same)"
        )
    if ws == "none":
        values["websockets"] = False
    interface = values.pop("interface", "auto")
    if interface == _NO_LIFESPAN:
        values.setdefault("lifespan", "off")
    elif interface not in _INTERFACES:
        raise StartupError(
            f"interface is {interface!r}, but must be one of {', '.join(_INTERFACES)}"
        )
    elif interface in ("asgi2", "wsgi"):
        values["interface"] = interface


def _check_kinds(values: Mapping[str, Any]) -> None:
    """See that a program's values are of the kinds that flags have."""
    for flag in FLAGS:
        value = values.get(flag.name)
        kinds = _MORE_KINDS.get(flag.name, ()) + _KINDS[flag.kind]
        if value is None or (isinstance(value, kinds) and (bool in kinds or value is not True)):
            continue
        words = " or ".join(kind.__name__ for kind in kinds)
        raise StartupError(f"{flag.name} takes {words}, not {value!r}")


_KINDS: Final[dict[type, tuple[type, ...]]] = {
    bool: (bool,),
    int: (int,),
    float: (float, int),
    str: (str,),
    list: (list,),
}
_MORE_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "uds_permissions": (int,),
    "log_level": (int,),
    "log_config": (dict,),
    "forwarded_allow_ips": (list,),
}


def _mode(given: int | str) -> int:
    try:
        mode = given if isinstance(given, int) else int(given, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        shown = oct(given) if isinstance(given, int) else repr(given)
        raise StartupError(f"uds_permissions is {shown}, but must be octal, as 660, up to 777")
    return mode


def _number(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise StartupError(f"{name} is {text!r}, but must be a whole number") from None


def program_target(app: str, values: Mapping[str, Any]) -> Target:
    """The place of an app that a program names by text."""
    folder = values.get("app_dir")
    return find_target(
        app,
        factory=bool(values.get("factory", False)),
        folder=None if folder is None else str(Path(folder)),
    )
