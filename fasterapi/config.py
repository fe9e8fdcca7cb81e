"""Options of the core: checking, environment variables, and who wins.

The table itself is written in C (``csrc/server/config.h``); `_options` is its checked-in mirror, so
that options are known without the core. After a change of the table, build the core and run

    python -m fasterapi.config --write

A value is taken from the first of these that has one: command-line flag (or an argument of
``run()``), keyword argument of ``FasterAPI(...)``, environment variable ``FASTERAPI_<OPTION>``,
default; of a command also ``UVICORN_<OPTION>`` (see `environment`) before the default.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import math
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fasterapi._fastapi import FastAPI
from fasterapi._options import TABLE

__all__ = [
    "ALIASES",
    "ENV_PREFIX",
    "OPTIONS",
    "Option",
    "Setting",
    "Value",
    "check_option",
    "check_options",
    "environment_options",
    "fastapi_arguments",
    "render_options",
    "resolve_options",
    "seconds",
    "settings",
    "unknown_name",
    "value_text",
]

#: An option's environment variable is this and its name in upper case.
ENV_PREFIX: Final = "FASTERAPI_"

Value = bool | int | float

#: Other names of options: Uvicorn's, as flags, keywords of ``run()`` and variables.
ALIASES: Final = {
    "timeout_keep_alive": "keep_alive_timeout",
    "timeout_graceful_shutdown": "graceful_timeout",
    "h11_max_incomplete_event_size": "max_header_bytes",
}

_TYPES: Final[dict[str, type[Value]]] = {"bool": bool, "int": int, "float": float}
_TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off"})
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS: Final = (86400.0, 3600.0, 60.0, 1.0)


@dataclass(frozen=True, slots=True)
class Option:
    """One row of the option table. minimum and maximum are included; float options are seconds."""

    name: str
    type: type[Value]
    default: Value
    minimum: Value
    maximum: Value
    help: str

    @property
    def env_name(self) -> str:
        """The environment variable: FASTERAPI_QUEUE_SIZE."""
        return ENV_PREFIX + self.name.upper()

    @property
    def default_text(self) -> str:
        """The default as people write it: "on", "128", "5.0"."""
        return value_text(self.default)

    @property
    def bounds_text(self) -> str:
        """The values it takes: "on or off", "2 to 1048576"."""
        if self.type is bool:
            return "on or off"
        return f"{value_text(self.minimum)} to {value_text(self.maximum)}"


@dataclass(frozen=True, slots=True)
class Setting:
    """An option's value here. source: "flag", "argument", "default", or the variable's name."""

    option: Option
    value: Value
    source: str


OPTIONS: Final[dict[str, Option]] = {
    name: Option(name, _TYPES[kind], default, low, high, text)
    for name, kind, default, low, high, text in TABLE
}


def value_text(value: Value) -> str:
    """A value as people write it: booleans as on and off."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


# -- checking --------------------------------------------------------------------------------------


def unknown_name(name: str, known: Iterable[str], where: str) -> TypeError:
    """The error for a name nobody knows; it names the nearest known one."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return TypeError(f"{where} got an unknown option {name!r}{hint}")


def check_option(name: str, value: Any, given_as: str | None = None) -> Value:
    """The value of one option, checked and in the option's own type.

    given_as: how the caller wrote it (the variable's name), for messages. Raises TypeError for an
    unknown name or another type, ValueError for a value out of bounds; both name the option.
    An int is taken for a float option, nothing else is converted.
    """
    option = OPTIONS.get(name)
    if option is None:
        raise unknown_name(name, OPTIONS, "FasterAPI")
    label = given_as or name
    if option.type is bool:
        if not isinstance(value, bool):
            raise TypeError(f"{label} takes True or False, not {value!r}")
        return value
    wanted = int if option.type is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, wanted):
        what = "a whole number" if option.type is int else "a number of seconds"
        raise TypeError(f"{label} takes {what}, not {value!r}")
    number = int(value) if option.type is int else _to_float(value)
    if math.isnan(number) or not option.minimum <= number <= option.maximum:
        raise ValueError(f"{label} is {value!r}, but must be {option.bounds_text}")
    return number


def _to_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def check_options(options: Mapping[str, Any]) -> dict[str, Value]:
    """`check_option` for each item; the same errors."""
    return {name: check_option(name, value) for name, value in options.items()}


def fastapi_arguments() -> frozenset[str]:
    """Names of the keyword arguments of FastAPI's own class, as installed.

    A tool may have put a class of its own, that passes everything on, in FastAPI's place.
    """
    keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names: set[str] = set()
    for owner in FastAPI.__mro__:
        if "__init__" in vars(owner):
            parameters = inspect.signature(vars(owner)["__init__"]).parameters.values()
            names.update(one.name for one in parameters if one.kind in keyword)
        if owner.__module__ == "fastapi.applications":
            break
    return frozenset(names) - {"self"}


# -- where values come from ------------------------------------------------------------------------


def seconds(text: str) -> float:
    """A number of seconds, or a duration as Granian takes them: "90", "0.5", "1h30m".

    Raises ValueError that names the text.
    """
    word = text.strip().lower()
    with contextlib.suppress(ValueError):
        return float(word)
    found = _DURATION.fullmatch(word)
    if found is None or not word:
        raise ValueError(f"{text!r} is no number of seconds, and nothing like 1h30m")
    return sum(int(part or 0) * unit for part, unit in zip(found.groups(), _UNITS, strict=True))


def _parse(option: Option, text: str, variable: str) -> Value:
    """The value an environment variable's text stands for. Raises ValueError naming it."""
    word = text.strip().lower()
    try:
        if option.type is bool:
            if word in _TRUE | _FALSE:
                return word in _TRUE
            raise ValueError
        value = int(word) if option.type is int else seconds(word)
    except ValueError:
        kinds = {bool: "on or off", int: "a whole number", float: "a number of seconds"}
        raise ValueError(f"{variable} is {text!r}, but must be {kinds[option.type]}") from None
    return check_option(option.name, value, variable)


def environment_options(
    environ: Mapping[str, str] | None = None,
    prefix: str = ENV_PREFIX,
    names: Mapping[str, str] | None = None,
) -> dict[str, Value]:
    """Options set by environment variables (default: this process's). Empty ones count as unset.

    names: what follows the prefix, and the option; default: ours, which win over Uvicorn's.
    Raises ValueError naming the variable if a text is not a value of its option.
    """
    source = os.environ if environ is None else environ
    return {
        option: _parse(OPTIONS[option], source[variable], variable)
        for option, variable in _set_variables(source, prefix, names or _NAMES).items()
    }


_NAMES: Final = {**ALIASES, **{name: name for name in OPTIONS}}


def _set_variables(
    environ: Mapping[str, str], prefix: str, names: Mapping[str, str]
) -> dict[str, str]:
    """The variable that each option is set by, of those that are; of two names the later one."""
    return {
        option: prefix + name.upper()
        for name, option in names.items()
        if environ.get(prefix + name.upper(), "").strip()
    }


def settings(
    flags: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> list[Setting]:
    """Every option with its value and where that comes from, in the table's order.

    flags: of the command line or `run()`; arguments: of the app (its `core_arguments`); defaults:
    those of a command, where they differ from the table's. Raises TypeError or ValueError for
    anything that is not an option's value.
    """
    given = check_options(flags or {})
    keywords = check_options(arguments or {})
    variables = environment_options(environ)
    others = check_options(defaults or {})
    names = _set_variables(os.environ if environ is None else environ, ENV_PREFIX, _NAMES)
    return [
        _setting(option, given, keywords, variables, others, names.get(option.name, ""))
        for option in OPTIONS.values()
    ]


def _setting(
    option: Option,
    flags: Mapping[str, Value],
    arguments: Mapping[str, Value],
    variables: Mapping[str, Value],
    defaults: Mapping[str, Value],
    variable: str,
) -> Setting:
    sources = ((flags, "flag"), (arguments, "argument"), (variables, variable))
    for values, source in sources:
        if option.name in values:
            return Setting(option, values[option.name], source)
    return Setting(option, defaults.get(option.name, option.default), "default")


def resolve_options(
    flags: Mapping[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> dict[str, Value]:
    """Every option's value, ready for the core's ``Server``. Arguments and errors of `settings`."""
    return {one.option.name: one.value for one in settings(flags, arguments, environ, defaults)}


# -- the generator of _options.py ------------------------------------------------------------------

_HEADER = '''"""The core's option table, generated by `python -m fasterapi.config --write`.

Do not edit: the source is FA_CONFIG_MAP in csrc/server/config.h.
"""

from __future__ import annotations

from typing import Final, TypedDict

__all__ = ["TABLE", "CoreOptions", "SharedOptions"]

#: (name, type, default, minimum, maximum, help); float options are seconds.
TABLE: Final[
    tuple[tuple[str, str, bool | int | float, bool | int | float, bool | int | float, str], ...]
] = (
'''

Row = tuple[str, str, Value, Value, Value, str]


def _table_row(row: Row) -> Iterator[str]:
    name, kind, default, low, high, text = row
    yield "    ("
    for value in (name, kind):
        yield f'        "{value}",'
    for number in (default, low, high):
        yield f"        {number!r},"
    yield f'        "{text}",'
    yield "    ),"


def _field(row: Row) -> str:
    name, kind, default, low, high, text = row
    if kind == "bool":
        note = f"Default {value_text(default)}."
    else:
        note = f"Default {default}, {low} to {high}."
    words = textwrap.wrap(f"{text[0].upper()}{text[1:]}. {note}", width=90)
    return f'    {name}: {kind}\n    """' + "\n    ".join(words) + '"""'


def render_options(rows: Iterable[Row]) -> str:
    """The text of `_options.py` for the rows of ``_fasterapi_core.config_options()``."""
    table = list(rows)
    taken = fastapi_arguments()
    lines = [_HEADER.rstrip("\n")]
    for row in table:
        lines += _table_row(row)
    lines += [")", "", "", "class SharedOptions(TypedDict, total=False):"]
    lines += ['    """Options that are keyword arguments of `FasterAPI` and of `run`."""', ""]
    lines += [_field(row) for row in table if row[0] not in taken]
    lines += ["", "", "class CoreOptions(SharedOptions, total=False):"]
    lines += ['    """All options; FastAPI has arguments of its own with the names added here."""']
    lines += [""]
    lines += [_field(row) for row in table if row[0] in taken]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """``python -m fasterapi.config [--write]``: print or write `_options.py`; 1 without a core."""
    from fasterapi import _native

    if _native.core is None:
        print(f"the table is in the core: {_native.why_no_core}", file=sys.stderr)
        return 1
    text = render_options(_native.core.config_options())
    if "--write" in arguments:
        Path(__file__).with_name("_options.py").write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
