"""Whole programs: an app with routers, mounts, middleware, handlers, overrides; and requests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from difftest.compare import Program
from difftest.dependencies import Dependency, a_dependency, a_raise, depends
from difftest.endpoints import Operation, an_operation
from difftest.inputs import Input
from difftest.kinds import NAMED
from difftest.maker import Maker
from difftest.messages import a_request
from difftest.shapes import Model, a_model

__all__ = ["programs"]

HELPERS = """
def task(label, n=0):
    log("task", label, n)


async def atask(label, n=0):
    log("atask", label, n)


def bad_task(label, n=0):
    log("bad task", label)
    raise ValueError("task")


@contextlib.contextmanager
def manager(label):
    log("open", label)
    try:
        yield
    finally:
        log("close", label)


class Upper(JSONResponse):
    def render(self, content):
        return super().render(content).upper()


class Pure:
    def __init__(self, app, label):
        self.app, self.label = app, label
        log(label, "made")

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def sending(message):
            if message["type"] == "http.response.start":
                log(self.label, "head", message["status"])
                message["headers"] = [*message["headers"], (b"x-pure", self.label.encode())]
            await send(message)

        log(self.label, "in", scope["path"])
        try:
            await self.app(scope, receive, sending)
        except Exception as exc:
            log(self.label, "raised", exc)
            raise
        log(self.label, "out")


"""

MIDDLEWARE = (
    'app.add_middleware(CORSMiddleware, allow_origins=["http://good.example"], allow_credentials=True, allow_methods=["GET", "PUT"], allow_headers=["x-a"], expose_headers=["x-b"], max_age=7)',
    'app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"])',
    'app.add_middleware(CORSMiddleware, allow_origin_regex="http://.*good.*")',
    "app.add_middleware(GZipMiddleware, minimum_size=20)",
    'app.add_middleware(TrustedHostMiddleware, allowed_hosts=["testserver", "*.good.example"])',
    'app.add_middleware(Pure, label="pure one")',
    'app.add_middleware(Pure, label="pure two")',
    '@app.middleware("http")\nasync def by_decorator(request, call_next):\n    log("decorated in")\n    response = await call_next(request)\n    log("decorated out", response.status_code)\n    response.headers["x-decorated"] = "1"\n    return response\n',
)  # fmt: skip

HANDLED = ("Custom", "404", "HTTPException", "RequestValidationError", "ValueError", "Exception", "StarletteHTTPException", "422", "500", "403", "ResponseValidationError")  # fmt: skip


def _handlers(maker: Maker) -> None:
    for what in maker.some(HANDLED, maker.pick((0, 0, 1, 2))):
        name = maker.name("handler")
        define = maker.pick(("async def", "def"))
        status = maker.pick((499, 200, 500))
        maker.write(
            f"@app.exception_handler({what})",
            f"{define} {name}(request, exc):",
            f'    log("{name}", type(exc).__name__, request.url.path)',
            f'    return JSONResponse({{"handled": "{what}"}}, status_code={status})',
            "",
            "",
        )


def _app(maker: Maker, name: str, known: list[Dependency]) -> list[Input]:
    """Write an app; returns what its own dependencies take."""
    options: list[str] = []
    given: list[Input] = []
    if known and maker.chance(5):
        one = maker.pick(known)
        options.append(f"dependencies=[{depends(maker, one)}]")
        given = list(one.given)
    if maker.chance(2):
        options.append("openapi_url=None")
    for text, one_in in (
        ("redirect_slashes=False", 8), ("strict_content_type=False", 8), ('root_path="/api"', 20),
        (f"default_response_class={maker.pick(('Upper', 'PlainTextResponse'))}", 16),
    ):  # fmt: skip
        if maker.chance(one_in):
            options.append(text)
    maker.write(f"{name} = FastAPI({', '.join(options)})", "", "")
    return given


def _router(
    maker: Maker, parent: str, known: list[Dependency], models: list[Model], depth: int
) -> list[Operation]:
    """Write a router with routes and perhaps routers, and include it in the parent."""
    name = maker.name("router")
    own = maker.pick(("", "/a", "/b", "/{team}"))
    arguments = [f'prefix="{own}"'] if own else []
    given: list[Input] = []
    if known and maker.chance(4):
        one = maker.pick(known)
        arguments.append(f"dependencies=[{depends(maker, one)}]")
        given += one.given
    if maker.chance(10):
        arguments.append("default_response_class=HTMLResponse")
    maker.write(f"{name} = APIRouter({', '.join(arguments)})", "")
    include = [name]
    outer = maker.pick(("", "/v1", "/v1/x"))
    if outer:
        include.append(f'prefix="{outer}"')
    if known and maker.chance(6):
        one = maker.pick(known)
        include.append(f"dependencies=[{depends(maker, one)}]")
        given += one.given
    line = f"{parent}.include_router({', '.join(include)})"
    early = maker.chance(4)
    if early:
        maker.write(line, "")
    made: list[Operation] = []
    for _ in range(maker.count(2, least=1)):
        made.append(an_operation(maker, name, known, models))
    if depth and maker.chance(3):
        made += _router(maker, name, known, models, depth - 1)
    if not early:
        maker.write(line, "")
    return [one.below(outer + own, given) for one in made]


def _overrides(maker: Maker, known: list[Dependency]) -> None:
    plain = [one for one in known if not one.expression.startswith("scheme")]
    if not plain or not maker.chance(6):
        return
    target = maker.pick(plain).expression
    name = maker.name("override")
    define = maker.pick(("def", "async def"))
    tail = maker.pick(("return 'overridden'", "yield 'overridden'", a_raise(maker)))
    maker.write(
        f"{define} {name}(extra: int = 1):", f'    log("{name}", extra)', f"    {tail}", "", "",
        "def before(turn):",
        "    if turn % 2:",
        f"        app.dependency_overrides[{target}] = {name}",
        "    else:",
        "        app.dependency_overrides.clear()",
        "", "",
    )  # fmt: skip


@st.composite
def programs(draw: Any) -> Program:
    """A program and some requests for it."""
    maker = Maker(draw)
    maker.write(NAMED, HELPERS)
    models: list[Model] = []
    for _ in range(maker.pick((0, 1, 1, 2, 3))):
        a_model(maker, models)
    known: list[Dependency] = []
    for _ in range(maker.pick((0, 1, 2, 3, 4))):
        a_dependency(maker, known, models)
    given = _app(maker, "app", known)
    for line in maker.some(MIDDLEWARE, maker.pick((0, 0, 0, 1, 2))):
        maker.write(line)
    _handlers(maker)
    made: list[Operation] = []
    for _ in range(maker.count(2, least=1)):
        made.append(an_operation(maker, "app", known, models).below("", given))
    if maker.chance(3):
        made += [one.below("", given) for one in _router(maker, "app", known, models, 2)]
    if maker.chance(8):
        _app(maker, "inner", [])
        inner = an_operation(maker, "inner", known, models)
        maker.write('app.mount("/sub", inner)', "")
        made.append(inner.below("/sub", []))
    _overrides(maker, known)
    requests = tuple(a_request(maker, made) for _ in range(maker.count(8, least=3)))
    root_path = "/root" if maker.chance(24) else ""
    return Program(maker.text(), requests, root_path)
