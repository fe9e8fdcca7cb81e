"""A logging configuration of the user's: a dict, or a JSON, YAML or INI file (``--log-config``)."""

from __future__ import annotations

import configparser
import importlib
import importlib.util
import json
import logging.config
import os
from pathlib import Path
from typing import Any, Final

from fasterapi.startup_error import StartupError

__all__ = ["apply"]

LogConfig = dict[str, Any] | str | os.PathLike[str]

#: Uvicorn's names of the formatters, and what serves them where it is not installed.
_OURS: Final = {
    f"uvicorn.logging.{name}": f"fasterapi.formatters.{name}"
    for name in ("DefaultFormatter", "AccessFormatter")
}
_OURS["uvicorn.logging.ColourizedFormatter"] = "fasterapi.formatters.DefaultFormatter"


def apply(config: LogConfig, use_colors: bool | None) -> None:
    """Configure ``logging``. use_colors: for the formatters named default and access; None leaves
    them as they are.

    Raises StartupError that names the file, and what is wrong with it.
    """
    if isinstance(config, dict):
        _apply_dict(dict(config), use_colors, "log_config")
        return
    path = Path(config)
    kind = path.suffix.lower()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise StartupError(f"log_config: cannot read {path}: {_reason(exc)}") from None
    if kind == ".json":
        _apply_dict(_parsed(path, json.loads, text), use_colors, str(path))
    elif kind in (".yaml", ".yml"):
        _apply_dict(_parsed(path, _yaml(path), text), use_colors, str(path))
    else:
        _apply_ini(path, text)


def _reason(exc: Exception) -> str:
    """What an exception of logging, or of a parser, says, in one line."""
    cause = exc.__cause__
    text = str(exc) if cause is None else f"{exc}: {cause}"
    return " ".join(text.split()) or type(exc).__name__


def _yaml(path: Path) -> Any:
    try:
        return importlib.import_module("yaml").safe_load
    except ImportError:
        raise StartupError(
            f"log_config: {path} is YAML, which needs PyYAML: pip install pyyaml"
        ) from None


def _parsed(path: Path, parse: Any, text: str) -> dict[str, Any]:
    try:
        found = parse(text)
    except Exception as exc:  # json's and yaml's have no base in common
        raise StartupError(f"log_config: {path} cannot be parsed: {_reason(exc)}") from None
    if not isinstance(found, dict):
        raise StartupError(f"log_config: {path} holds no mapping for logging.config.dictConfig")
    return found


def _apply_dict(config: dict[str, Any], use_colors: bool | None, what: str) -> None:
    formatters = config.get("formatters")
    if isinstance(formatters, dict):
        config["formatters"] = {
            name: _formatter(name, one, use_colors) for name, one in formatters.items()
        }
    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as exc:
        raise StartupError(f"log_config: {what}: {_reason(exc)}") from None


def _formatter(name: str, config: Any, use_colors: bool | None) -> Any:
    if not isinstance(config, dict):
        return config
    made = dict(config)
    if not _has_uvicorn():
        for key in ("()", "class"):
            if isinstance(made.get(key), str):
                made[key] = _OURS.get(made[key], made[key])
    if use_colors is not None and name in ("default", "access") and "()" in made:
        made["use_colors"] = use_colors
    return made


def _has_uvicorn() -> bool:
    return importlib.util.find_spec("uvicorn") is not None


def _apply_ini(path: Path, text: str) -> None:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text, str(path))
        if not _has_uvicorn():
            for section in parser.sections():
                if section.startswith("formatter_"):
                    given = parser.get(section, "class", fallback="", raw=True)
                    if given in _OURS:
                        parser.set(section, "class", _OURS[given])
        logging.config.fileConfig(parser, disable_existing_loggers=False)
    except KeyError as exc:
        raise StartupError(f"log_config: {path}: section or name {exc} is missing") from None
    except (configparser.Error, RuntimeError, ValueError, TypeError, ImportError) as exc:
        raise StartupError(f"log_config: {path}: {_reason(exc)}") from None
