"""Finding and importing the app, and the one line for each way it can fail."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from fastapi import FastAPI

from fasterapi.discover import Target, find_target, load_app, target_of
from fasterapi.log import StartupError

APP = "from fastapi import FastAPI\napp = FastAPI(title='{}')\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder; modules and paths of a test are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- where it is -----------------------------------------------------------------------------------


def test_module_and_app(folder):
    assert find_target("main:api") == Target("main", "api", str(folder))
    assert find_target("pkg.main:make", factory=True).factory
    assert find_target("main", app_name="api").attribute == "api"
    assert str(find_target("main:api")) == "main:api"


@pytest.mark.parametrize(
    "name", ["main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"]
)
def test_usual_files(folder, name):
    write(folder / name, APP)
    target = find_target()
    assert target.module == Path(name).stem
    assert target.sys_path == str((folder / name).parent)


def test_usual_files_in_order(folder):
    write(folder / "app/main.py", APP)
    write(folder / "api.py", APP)
    assert find_target().module == "api"


def test_file_in_a_package(folder):
    write(folder / "src/pkg/__init__.py", "")
    write(folder / "src/pkg/sub/__init__.py", "")
    write(folder / "src/pkg/sub/web.py", APP)
    expected = Target("pkg.sub.web", None, str(folder / "src"))
    assert find_target("src/pkg/sub/web.py") == expected
    assert find_target("src/pkg/sub/web.py:app").attribute == "app"
    assert find_target("src/pkg/sub").module == "pkg.sub"
    assert find_target("src/pkg/sub/__init__.py").module == "pkg.sub"


@pytest.mark.parametrize("section", ["fastapi", "fasterapi"])
def test_entrypoint(folder, section):
    write(folder / "main.py", APP)
    write(folder / "pyproject.toml", f'[tool.{section}]\nentrypoint = "other.place:api"\n')
    assert find_target() == Target("other.place", "api", str(folder))
    assert find_target("main:app").module == "main"


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, {}, "none of main.py"),
        ("no/such.py", {}, "no such file"),
        ("missing.py", {}, "no such file"),
        ("plain/", {}, "without __init__.py"),
        ("not-a-module", {}, "module:app"),
        ("a..b:app", {}, "module:app"),
        ("main:app", {"app_name": "other"}, "give only one"),
    ],
)
def test_nothing_there(folder, text, options, words):
    (folder / "plain").mkdir()
    with pytest.raises(StartupError, match=words):
        find_target(text, **options)


@pytest.mark.parametrize("text", ["[tool.fastapi\n", "[tool.fastapi]\nentrypoint = 5\n"])
def test_bad_pyproject(folder, text):
    write(folder / "pyproject.toml", text)
    with pytest.raises(StartupError, match="pyproject"):
        find_target()


# -- importing it ----------------------------------------------------------------------------------


def load(text: str, **options):
    return load_app(find_target(text, **options))


def test_named_app(folder):
    write(folder / "web1.py", APP.format("one"))
    assert load("web1:app").title == "one"


def test_search_prefers_app_then_api_then_any_fastapi(folder):
    write(folder / "s1.py", "from fastapi import FastAPI\nzed = FastAPI()\napp = FastAPI()\n")
    write(folder / "s2.py", "from fastapi import FastAPI\nabc = FastAPI()\napi = FastAPI()\n")
    write(folder / "s3.py", "from fastapi import FastAPI\nother = FastAPI()\n")
    for name, attribute in (("s1", "app"), ("s2", "api"), ("s3", "other")):
        found = load(f"{name}.py")
        assert found is getattr(sys.modules[name], attribute)


def test_search_takes_any_asgi_app_of_a_preferred_name(folder):
    write(folder / "raw.py", "async def app(scope, receive, send): ...\n")
    assert load("raw.py").__name__ == "app"


def test_dotted_attribute_and_factories(folder):
    text = (
        APP.format("made")
        + "class box:\n    inner = app\n"
        + "def create_app():\n    return app\n"
        + "def broken():\n    raise ValueError('no config')\n"
        + "def wrong():\n    return 5\n"
    )
    write(folder / "fac.py", text)
    assert load("fac:box.inner").title == "made"
    assert load("fac:create_app", factory=True).title == "made"
    with pytest.raises(StartupError, match="raised ValueError: no config") as caught:
        load("fac:broken", factory=True)
    assert "Traceback" in caught.value.detail
    with pytest.raises(StartupError, match="returned a int"):
        load("fac:wrong", factory=True)


def test_factory_of_a_usual_name(folder):
    write(folder / "fac2.py", "def create_app():\n    return print\n")
    assert load("fac2.py", factory=True) is print


def test_wrong_names(folder):
    write(folder / "wn.py", "from fastapi import FastAPI\nserver = FastAPI()\nfive = 5\n")
    with pytest.raises(StartupError, match="wn has no 'app'; did you mean wn:server"):
        load("wn:app")
    with pytest.raises(StartupError, match="is a int, not an ASGI app"):
        load("wn:five")
    write(folder / "empty.py", "")
    with pytest.raises(StartupError, match="no app found in empty"):
        load("empty.py")


def test_missing_module_is_one_line(folder):
    with pytest.raises(StartupError, match="no module named 'mian'") as caught:
        load("mian:app")
    assert caught.value.detail is None


@pytest.mark.parametrize(
    "text", ["import nothing_like_this\n", "1 / 0\n", "def broken(:\n", "raise SystemExit(5)\n"]
)
def test_import_error_has_the_traceback_of_the_users_code(folder, text):
    write(folder / "bad.py", text)
    with pytest.raises(StartupError) as caught:
        load("bad:app")
    if "SystemExit" in text:
        assert "exit code 5" in str(caught.value)
        return
    assert "could not import bad" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "bad.py" in caught.value.detail
    assert "importlib" not in caught.value.detail
    assert "discover.py" not in caught.value.detail


# -- the place of an object ------------------------------------------------------------------------


def test_target_of(folder, monkeypatch):
    write(folder / "pkg/__init__.py", "")
    write(folder / "pkg/place.py", APP)
    app = load("pkg.place:app")
    assert target_of(app) == Target("pkg.place", "app", str(folder))
    main = ModuleType("__main__")
    main.__file__ = str(folder / "script.py")
    main.service = FastAPI()
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert target_of(main.service) == Target("script", "service", str(folder))
    with pytest.raises(StartupError, match="several workers"):
        target_of(FastAPI())
