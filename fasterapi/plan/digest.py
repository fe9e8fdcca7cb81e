"""Is an unknown release the same as a tested one in everything that matters here?

FastAPI and Starlette release often, and many releases change only texts or the OpenAPI part. A
release whose files that answer requests are all byte for byte those of a tested release is as good
as tested. `python -m fasterapi.plan.digest` prints the digests of what is installed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Final

import fastapi
import starlette

__all__ = ["KNOWN", "is_known", "source_digest"]

#: Distribution -> digests of the tested releases.
KNOWN: Final[dict[str, frozenset[str]]] = {
    "fastapi": frozenset({"cc481e9f5192b913ba0bcda7fa8f441f6e711e37aef5e91a4c40a791aa9aa631"}),
    "starlette": frozenset({"b48e49e442447ecfab601510b448c79e8255e77da59bde80e465102f774a1a25"}),
}
#: Files and folders that have no part in answering a request to a path operation. The version is
#: in the first one.
_LEFT_OUT: Final = {
    "fastapi": (
        "__init__.py",
        "__main__.py",
        "cli.py",
        "openapi",
        "templating.py",
        "testclient.py",
    ),
    "starlette": ("__init__.py", "config.py", "schemas.py", "templating.py", "testclient.py"),
}
_PACKAGES: Final[dict[str, ModuleType]] = {"fastapi": fastapi, "starlette": starlette}


def source_digest(name: str) -> str:
    """The digest of the installed files of "fastapi" or "starlette". Some 5 ms. Raises OSError."""
    folder = Path(str(_PACKAGES[name].__file__)).parent
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(folder)
        if place.parts[0] not in _LEFT_OUT[name]:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{place.as_posix()} {content}\n".encode())
    return total.hexdigest()


def is_known(name: str) -> bool:
    """Whether the installed release has the files of a tested one. Never raises."""
    try:
        return source_digest(name) in KNOWN.get(name, ())
    except (OSError, KeyError):
        return False


if __name__ == "__main__":
    for distribution in KNOWN:
        print(distribution, source_digest(distribution))
