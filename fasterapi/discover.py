"""Finding the app: ``module:app``, a file, a package, or nothing, as ``fastapi run`` does."""

from __future__ import annotations

import importlib
import inspect
import sys
import tomllib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from fasterapi._fastapi import FastAPI
from fasterapi.log import StartupError, error_logger

__all__ = ["Target", "find_target", "load_app", "named_target", "target_of"]

DEFAULT_FILES = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
PREFERRED_NAMES = ("app", "api", "application")
#: Uvicorn's words.
_NO_FLAG = (
    "ASGI app factory detected. Using it, but please consider setting the "
    "--factory flag explicitly."
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an app lives. All fields are plain text, so that a worker process can be told.

    module: dotted name to import. attribute: dotted name inside it, or None to look for the app.
    sys_path: folder to put first on ``sys.path``. factory: the attribute is called to get the app.
    """

    module: str
    attribute: str | None
    sys_path: str
    factory: bool = False

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}" if self.attribute else self.module


def find_target(
    text: str | None = None,
    *,
    app_name: str | None = None,
    factory: bool = False,
    folder: str | None = None,
) -> Target:
    """Work out where the app is, without importing it.

    text: ``module:app``, ``file.py``, ``file.py:app``, ``module``, a package folder, or None for
    the entrypoint in pyproject.toml and then the usual file names. folder: where modules and files
    are looked for, default the current one. Raises StartupError with one line that says what to do.
    """
    base = Path() if folder is None else Path(folder)
    if not base.is_dir():
        raise StartupError(f"app_dir: {folder} is no folder")
    if text is None:
        text = _entrypoint()
    if text is None:
        for candidate in DEFAULT_FILES:
            if (base / candidate).is_file():
                return _from_path(base / candidate, app_name, factory)
        raise StartupError(
            "no app found: none of " + ", ".join(DEFAULT_FILES) + " is here; "
            "name it, as in 'fasterapi run main:app' or 'fasterapi run path/to/file.py'"
        )
    location, _, attribute = text.partition(":")
    if attribute and app_name and attribute != app_name:
        raise StartupError(f"{text!r} names an app, and so does --app {app_name}; give only one")
    name = attribute or app_name
    if location.endswith(".py") or "/" in location:
        path = base / location if (base / location).exists() else Path(location)
        if not path.exists():
            raise StartupError(f"no such file or folder: {location}")
        if path.is_dir() and not (path / "__init__.py").is_file():
            raise StartupError(f"{location} is a folder without __init__.py; name the file in it")
        return _from_path(path, name, factory)
    if not all(part.isidentifier() for part in location.split(".")):
        raise StartupError(f"{text!r} is not of the form module:app or path/to/file.py")
    return Target(location, name, str(base.resolve()), factory)


def _entrypoint() -> str | None:
    """``[tool.fastapi] entrypoint`` of ./pyproject.toml, if there is one."""
    path = Path("pyproject.toml")
    if not path.is_file():
        return None
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise StartupError(f"pyproject.toml cannot be read: {exc}") from exc
    tools = data.get("tool", {})
    for section in ("fasterapi", "fastapi"):
        entry = tools.get(section, {}).get("entrypoint")
        if entry is not None:
            if not isinstance(entry, str):
                raise StartupError(
                    f"[tool.{section}] entrypoint in pyproject.toml must be a string"
                )
            return entry
    return None


def _from_path(path: Path, name: str | None, factory: bool) -> Target:
    """A file or package: its dotted name starts at the topmost folder with an __init__.py."""
    full = path.resolve()
    if full.is_dir():
        parts = [full.name]
    elif full.name == "__init__.py":
        full = full.parent
        parts = [full.name]
    else:
        parts = [full.stem]
    parent = full.parent
    while (parent / "__init__.py").is_file():
        parts.insert(0, parent.name)
        parent = parent.parent
    return Target(".".join(parts), name, str(parent), factory)


def load_app(target: Target) -> Any:
    """Import the target and return the app. Main thread, before serving.

    Raises StartupError: import error (with its traceback as detail), no such attribute, no app.
    """
    if target.sys_path not in sys.path:
        sys.path.insert(0, target.sys_path)
    module = _import(target.module, target.sys_path)
    if target.attribute is None:
        return _search(module, target)
    found: Any = module
    for part in target.attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise StartupError(
                f"{target.module} has no {target.attribute!r}{_suggestion(module)}"
            ) from None
    if target.factory:
        return _call_factory(found, target)
    if not callable(found):
        raise StartupError(f"{target} is a {type(found).__name__}, not an ASGI app")
    if _takes_nothing(found):
        error_logger.warning(_NO_FLAG)
        return _call_factory(found, target)
    return found


def _takes_nothing(found: Callable[..., Any]) -> bool:
    """Whether something can be called as a factory is, which no ASGI app can."""
    if isinstance(found, FastAPI):
        return False
    try:
        inspect.signature(found).bind()
    except (TypeError, ValueError):  # it needs arguments, or cannot say what it needs
        return False
    return True


def _import(name: str, folder: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (name == exc.name or name.startswith(exc.name + ".")):
            raise StartupError(
                f"no module named {exc.name!r} in {folder}; "
                "give a module that can be imported from here, or a path to a file"
            ) from None
        raise _import_failed(name, exc) from exc
    except SystemExit as exc:
        raise StartupError(f"importing {name} ended the program with exit code {exc.code}") from exc
    except Exception as exc:
        raise _import_failed(name, exc) from exc


def _import_failed(name: str, exc: BaseException) -> StartupError:
    """Keep the traceback, without the frames of this module and of importlib before user code."""
    frames = exc.__traceback__
    skip = (__file__, importlib.__file__)
    while frames is not None:
        file = frames.tb_frame.f_code.co_filename
        if file not in skip and not file.startswith("<frozen importlib"):
            break
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(exc), exc, frames))
    return StartupError(f"could not import {name}: {type(exc).__name__}: {exc}", detail=text)


def _search(module: ModuleType, target: Target) -> Any:
    """FastAPI apps first (by preferred name, then any), then any callable of a preferred name."""
    values = {name: getattr(module, name) for name in dir(module)}
    for name in PREFERRED_NAMES:
        if isinstance(values.get(name), FastAPI):
            return values[name]
    for value in values.values():
        if isinstance(value, FastAPI):
            return value
    for name in PREFERRED_NAMES:
        value = values.get(name)
        if callable(value) and not isinstance(value, type):
            return value
    if target.factory:
        for name in ("create_app", "make_app", "get_app"):
            if callable(values.get(name)):
                return _call_factory(values[name], target)
    raise StartupError(
        f"no app found in {target.module}: it has no FastAPI object and no 'app'; "
        "name it, as in 'module:name' or --app NAME"
    )


def _call_factory(factory: Callable[[], Any], target: Target) -> Any:
    if not callable(factory):
        raise StartupError(f"{target} cannot be called, so it is no factory")
    try:
        app = factory()
    except Exception as exc:
        raise StartupError(
            f"the factory {target} raised {type(exc).__name__}: {exc}",
            detail=traceback.format_exc(),
        ) from exc
    if not callable(app):
        raise StartupError(f"the factory {target} returned a {type(app).__name__}, not an app")
    return app


def _suggestion(module: ModuleType) -> str:
    names = [name for name, value in vars(module).items() if isinstance(value, FastAPI)]
    return f"; did you mean {module.__name__}:{names[0]}?" if names else ""


def named_target(target: Target, app: Any) -> Target:
    """The target with its attribute filled in: the name under which `app` was found."""
    if target.attribute is not None:
        return target
    for name, value in vars(sys.modules[target.module]).items():
        if value is app:
            return replace(target, attribute=name)
    raise StartupError(f"{target} needs the app's name, as in {target.module}:app")


def target_of(app: Any) -> Target:
    """The target of an app object that the running script (or a module) holds in a variable.

    Worker processes import the app again, so they need its place. Raises StartupError if there is
    none, or if it is only known to an interactive session.
    """
    main = sys.modules.get("__main__")
    modules = [main] if main is not None else []
    modules += [module for name, module in list(sys.modules.items()) if name != "__main__"]
    for module in modules:
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is not app:
                continue
            file = getattr(module, "__file__", None)
            if file is None:
                continue
            if module is not main:
                root = Path(file).resolve().parents[module.__name__.count(".")]
                return Target(module.__name__, name, str(root))
            return _from_path(Path(file), name, False)
    raise StartupError(
        "several workers, or reloading, need the app's place: start it as "
        "'fasterapi run module:app' with --workers N or --reload, "
        "or keep the app in a variable of a module"
    )
