"""Route tables: many patterns from few words, so that they overlap, and paths from the same words."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from difftest.compare import Program
from difftest.maker import Maker

__all__ = ["tables"]

HEAD = """\
from fastapi import FastAPI
import uuid
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

LOG = []


class Own(APIRoute):
    pass


def plain(request):
    LOG.append(["plain", dict(request.path_params)])
    return PlainTextResponse(request.url.path)


async def raw(scope, receive, send):
    LOG.append(["raw", scope["path"], scope["root_path"], dict(scope.get("path_params", {}))])
    await PlainTextResponse("raw")(scope, receive, send)

"""

WORDS = ("a", "b", "ab", "1", "2.5", "x y", "é", "a.b", "A")
UUID = "11111111-2222-3333-4444-555555555555"
#: Converter -> annotations that a parameter with it may have.
CONVERTORS = {
    "": ("str", "int", "float"), ":str": ("str",), ":int": ("int", "float", "str"),
    ":float": ("float", "str"), ":path": ("str",), ":uuid": ("uuid.UUID", "str"),
}  # fmt: skip
#: Segments that are more than a word or a parameter; {} is the parameter.
MIXED = ("a{}", "{}b", "{}.json", "v{}-x", "{}-{}", "a{}.b")
METHODS = ("get", "get", "get", "get", "post", "put", "delete", "head", "options", "patch", "trace")


class Table:
    """Writes one program; `paths` are the patterns that a request may want."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.paths: list[str] = []
        #: Without routes that the core does not know, all its decisions are its own.
        self.odd = maker.chance(2)

    def path(self, depth: int) -> tuple[str, dict[str, str]]:
        """A pattern, "" or beginning with a slash, and its parameters with their annotations."""
        maker = self.maker
        segments: list[str] = []
        parameters: dict[str, str] = {}

        def parameter() -> str:
            name = maker.name("p")
            known = ("", "", "", "", ":int", ":float", ":path", ":str")
            convertor = maker.pick((*known, ":uuid") if self.odd else known)
            annotations = CONVERTORS[convertor]
            parameters[name] = maker.pick(annotations) if self.odd else annotations[0]
            return f"{{{name}{convertor}}}"

        for _ in range(maker.count(depth)):
            kind = maker.count(9)
            if kind < 4 or (kind == 9 and not self.odd):
                segments.append(maker.pick(WORDS))
            elif kind < 9:
                segments.append(parameter())
            else:
                form = maker.pick(MIXED)
                segments.append(form.format(*[parameter() for _ in range(form.count("{}"))]))
        path = "".join("/" + segment for segment in segments)
        if maker.chance(8):
            path += "/"
        return path, parameters

    def route(self, router: str, prefix: str, inherited: dict[str, str]) -> None:
        """Write one route of any kind onto a router."""
        maker = self.maker
        path, parameters = self.path(3)
        if not path and (not prefix or maker.chance(4)):
            path = "/"
        self.paths.append(prefix + path)
        kind = maker.count(24) if self.odd else 0
        if kind == 24:
            methods = maker.pick(("", ', methods=["GET"]', ', methods=["POST", "PUT"]'))
            maker.write(f"{router}.add_route({path or '/'!r}, plain{methods})", "")
            return
        if kind == 23:
            maker.write(
                f"@{router}.websocket({path or '/'!r})",
                "async def socket(websocket):",
                "    pass",
                "",
            )
            return
        name = maker.name("route_")
        method = maker.pick(METHODS)
        decorator = f"@{router}.{method}({path!r})"
        if kind == 22:
            chosen = sorted({method.upper(), maker.pick(METHODS).upper()})
            decorator = f"@{router}.api_route({path!r}, methods={chosen})"
        wanted = {
            key: value for key, value in {**inherited, **parameters}.items() if not maker.chance(10)
        }
        arguments = ", ".join(f"{key}: {value}" for key, value in wanted.items())
        define = maker.pick(("def", "async def"))
        shown = f"[{name!r}{''.join(', ' + key for key in wanted)}]"
        maker.write(
            decorator,
            f"{define} {name}({arguments}):",
            f"    LOG.append({shown})",
            f"    return {shown}",
            "",
        )

    def router(self, parent: str, prefix: str, inherited: dict[str, str], depth: int) -> None:
        """Write a router with routes and perhaps routers, and include it."""
        maker = self.maker
        name = maker.name("router")
        own, parameters = self.path(1)
        outer, more = self.path(1)
        own, outer = own.rstrip("/"), outer.rstrip("/")
        options = [f"prefix={own!r}"] if own else []
        if maker.chance(8):
            options.append("redirect_slashes=False")
        if self.odd and maker.chance(10):
            options.append("route_class=Own")
        maker.write(f"{name} = APIRouter({', '.join(options)})", "")
        include = f"{parent}.include_router({name}" + (f", prefix={outer!r})" if outer else ")")
        early = maker.chance(3)
        if early:
            maker.write(include, "")
        inside = prefix + outer + own
        self.routes(name, inside, {**inherited, **more, **parameters}, depth - 1)
        if not early:
            maker.write(include, "")

    def routes(self, router: str, prefix: str, inherited: dict[str, str], depth: int) -> None:
        """Routes, routers and other apps in any order."""
        maker = self.maker
        for _ in range(maker.count(6, least=1)):
            kind = maker.count(11 if self.odd else 10)
            if kind < 9 or depth == 0:
                self.route(router, prefix, inherited)
            elif kind < 11:
                self.router(router, prefix, inherited, depth)
            elif router == "app":
                self.other_app(depth)

    def other_app(self, depth: int) -> None:
        """Mount something, or give it a host of its own."""
        maker = self.maker
        path, _ = self.path(2)
        path = path.rstrip("/")
        name = "raw"
        if maker.chance(2):
            name = maker.name("inner")
            maker.write(f"{name} = FastAPI(openapi_url=None)", "")
            self.routes(name, path, {}, 0)
        self.paths.append(path + "/a")
        if maker.chance(3):
            host = maker.pick(("other", "{sub}.example", "testserver"))
            maker.write(f"app.host({host!r}, {name})", "")
        else:
            maker.write(f"app.mount({path!r}, {name})", "")


_PARAM = re.compile(r"\{\w+(:\w+)?\}")
_FITS = {
    None: ("a", "b", "1", "ab", "x%20y", "%C3%A9", "%2F", "a%2Fb", "A", "1.0", "a;b", "%0A", "%25"),
    ":str": ("a", "1"), ":int": ("1", "007", "-1", "1.0", "9" * 25, "%31", "a"),
    ":float": ("1", "2.5", "1.", ".5", "1e3", "a"), ":path": ("", "a", "a/b", "/", "a//b", "a/", "1%2F2", "%0A"),
    ":uuid": (UUID, UUID.upper(), UUID[:-1], "a"),
}  # fmt: skip
_METHODS = (
    "GET",
    "GET",
    "GET",
    "GET",
    "POST",
    "HEAD",
    "OPTIONS",
    "PUT",
    "DELETE",
    "PATCH",
    "TRACE",
    "PROPFIND",
)


def _target(maker: Maker, paths: list[str]) -> str:
    path = maker.pick(paths)
    path = _PARAM.sub(lambda match: maker.pick(_FITS[match[1]]), path)
    path = path.replace(" ", "%20").replace("é", maker.pick(("%C3%A9", "%c3%a9")))
    if maker.chance(3):
        path = maker.pick(
            (path + "/", path.rstrip("/"), path + "//", path + "/a", path.upper(), path + "%0A", path + "%2F",
             path.replace("a", "%61"), path.replace("/", "//")[1:], path.replace("/", "%2F")[3:], path + "/.",
             path + "/../a", "/a" + path, path[: len(path) // 2], "/docs", "/openapi.json", path + "%00", path + "%FF")
        )  # fmt: skip
    if not path.startswith("/") or path.startswith("//"):
        path = "/" + path.lstrip("/")
    if path.endswith("%") or re.search("%.?$", path):
        path = path.rstrip("0123456789ABCDEFabcdef").rstrip("%") or "/"
    return path + ("?" + maker.pick(("a=1", "", "a=%20&b")) if maker.chance(8) else "")


@st.composite
def tables(draw: Any) -> Program:
    """A program with many routes, and many requests for it."""
    maker = Maker(draw)
    table = Table(maker)
    options = ["redirect_slashes=False"] if maker.chance(4) else []
    if maker.chance(2):
        options.append("openapi_url=None")
    maker.write(f"app = FastAPI({', '.join(options)})", "")
    for _ in range(maker.count(3, least=1)):
        table.routes("app", "", {}, 2)
    requests = []
    for _ in range(maker.count(20, least=8)):
        method = maker.pick(_METHODS)
        host = "testserver" if not maker.chance(16) else maker.pick(("other", "a.example"))
        line = f"{method} {_target(maker, table.paths)} HTTP/1.1"
        requests.append(f"{line}\r\nHost: {host}\r\n\r\n".encode())
    root_path = "/root" if maker.chance(40) else ""
    return Program(HEAD + "\n".join(maker.lines) + "\n", tuple(requests), root_path)
