"""Which files make a reload, compared with Uvicorn's own filter."""

from __future__ import annotations

from pathlib import Path

import pytest
import uvicorn
from uvicorn.supervisors.watchfilesreload import FileFilter

from fasterapi.log import StartupError
from fasterapi.reload import Watched

pytestmark = pytest.mark.usefixtures("logging_as_before")

FILES = (
    *("main.py", "app/shop.py", "app/old/shop.py", "app/.hidden.py", ".env", "app/page.html"),
    *("app/main.pyc", "app/.main.py.swp", "app/~main.py", "conf.toml", "app/conf.toml", "data.csv"),
)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("folders", "includes", "excludes"),
    [
        ([], [], []),
        (["app"], [], []),
        ([], ["*.html"], []),
        ([], [".env", "*.toml"], []),
        ([], ["*"], ["*.py"]),
        ([], [], ["shop.py"]),
        ([], ["app/*.toml"], ["app/old"]),
        ([], [".*"], []),
        (["app"], [], ["app/old", "main.*"]),
    ],
)
def test_the_same_files_as_uvicorn(folder, folders, includes, excludes):
    watched = Watched(folders, includes, excludes)
    config = uvicorn.Config(
        "x:app",
        reload=True,
        reload_dirs=folders,
        reload_includes=includes,
        reload_excludes=[str(folder / one) if "/" in one else one for one in excludes],
    )
    theirs = FileFilter(config)
    paths = [str(folder / name) for name in FILES]
    counts = {path for path in paths if watched(1, path)}
    assert counts == {path for path in paths if theirs(Path(path))}
    assert counts or excludes


def test_the_folders(folder):
    assert Watched().folders == ["."]
    assert Watched(["app", "app"]).folders == ["app"]
    assert Watched(["."], [], ["app"]).folders == ["."]
    assert Watched(["app", "app/old"], [], ["app/old"]).folders == ["app"]
    assert Watched([], ["app"]).folders == ["app"]
    with pytest.raises(StartupError, match="--reload-dir nowhere is not a folder"):
        Watched(["nowhere"])
