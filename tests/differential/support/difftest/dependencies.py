"""Dependency trees: functions, classes, callable instances, generators, security schemes."""

from __future__ import annotations

import dataclasses

from difftest.inputs import Input, Written, join_parameters, model_parameter, parameter
from difftest.kinds import BY_NAME
from difftest.maker import Maker, indent
from difftest.shapes import Model, Scalar

__all__ = ["Dependency", "a_dependency", "a_raise", "effects", "specials", "use"]


@dataclasses.dataclass
class Dependency:
    """Something for Depends(). given: all inputs of it and of what it depends on.

    gated: its exit waits for the answer to be at the client, so it must not close before that.
    annotation: a class that Depends() without an argument may take."""

    expression: str
    given: list[Input]
    yields: bool = False
    gated: bool = False
    annotation: str | None = None


RAISES = (
    'raise HTTPException(403, "refused")',
    'raise HTTPException(401, {"why": [1, None]}, headers={"WWW-Authenticate": "Bearer", "x-e": "é"})',
    'raise Custom("custom")',
    'raise Special("special")',
    'raise ValueError("plain")',
    "raise StarletteHTTPException(404)",
    "raise HTTPException(204)",
    'raise RequestValidationError([{"type": "t", "loc": ("query",), "msg": "m", "input": 1}])',
    'raise KeyError("k")',
)


def a_raise(maker: Maker) -> str:
    return maker.pick(RAISES)


def _condition(maker: Maker) -> str:
    return maker.pick(("TURN % 3 == 1", "TURN % 2 == 0", "TURN == 0", "TURN % 4 == 3"))


def specials(maker: Maker, one_in: int) -> list[Written]:
    """Parameters that FastAPI fills in itself, by fixed names that `effects` knows."""
    if not maker.chance(one_in):
        return []
    options = (
        "request: Request", "response: Response", "background: BackgroundTasks",
        "scopes: SecurityScopes", "connection: HTTPConnection",
    )  # fmt: skip
    return [(text, False) for text in maker.some(options, 2)]


def effects(maker: Maker, label: str, special: list[Written], is_async: bool) -> list[str]:
    """Statements that use the special parameters, touch the context, wait, or raise."""
    lines: list[str] = []
    names = {text.partition(":")[0] for text, _ in special}
    if "request" in names:
        lines.append("log(request)")
        if maker.chance(4):
            lines.append(f"request.state.{label} = 1")
        if is_async and maker.chance(4):
            lines.append("log(await request.body())")
    if "response" in names:
        lines.append(
            maker.pick(
                (
                    f'response.headers["x-{label}"] = "v"',
                    f'response.set_cookie("{label}", "v", httponly=True)',
                    f"response.status_code = {maker.pick((201, 202, 418, 204))}",
                    f'response.headers.append("x-many", "{label}")',
                    'response.headers["content-type"] = "text/odd"',
                )
            )
        )
    if "background" in names:
        task = maker.pick(("task", "atask", "task", "bad_task"))
        lines.append(f'background.add_task({task}, "{label}", n={maker.count(3)})')
    if "scopes" in names:
        lines.append("log(scopes.scopes, scopes.scope_str)")
    if "connection" in names:
        lines.append("log(connection.url.path, connection.headers.get('host'))")
    if maker.chance(4):
        lines.append(f'VAR.set(VAR.get() + "{label} ")')
    if is_async and maker.chance(4):
        lines.append("await asyncio.sleep(0)")
    if maker.chance(7):
        lines += [f"if {_condition(maker)}:", "    " + a_raise(maker)]
    return lines


def use(maker: Maker, dependency: Dependency) -> tuple[Written, str]:
    """A parameter that asks for a dependency, and its name."""
    name = maker.name("d")
    call = depends(maker, dependency)
    if dependency.annotation and maker.chance(2):
        if maker.chance(2):
            return (f"{name}: {dependency.annotation} = Depends()", True), name
        return (f"{name}: Annotated[{dependency.annotation}, Depends()]", False), name
    if maker.chance(2):
        return (f"{name}={call}" if maker.chance(2) else f"{name}: Any = {call}", True), name
    return (f"{name}: Annotated[Any, {call}]", False), name


def depends(maker: Maker, dependency: Dependency) -> str:
    """Depends(...) or Security(...) of it."""
    arguments = [dependency.expression]
    if maker.chance(5):
        arguments.append("use_cache=False")
    if maker.chance(6):
        scopes = maker.pick((["a"], ["b", "a"], []))
        return f"Security({', '.join([*arguments, f'scopes={scopes}'])})"
    if dependency.yields and maker.chance(2):
        scopes = ("request",) if dependency.gated or maker.has_events else ("function", "request")
        scope = maker.pick(scopes)
        arguments.append(f'scope="{scope}"')
    return f"Depends({', '.join(arguments)})"


__all__ += ["depends"]


def a_dependency(
    maker: Maker, known: list[Dependency], models: list[Model], security: bool = True
) -> Dependency:
    """Write one; it may depend on those written before."""
    kind = maker.pick(
        (
            "def",
            "async def",
            "yield",
            "async yield",
            "class",
            "instance",
            "scheme",
            "partial",
            "lambda",
        )
    )
    if kind == "scheme" and security:
        dependency = _scheme(maker)
    elif kind == "lambda":
        name = maker.name("q")
        expression = f"(lambda {name}: log('lambda', {name}) or {name})"
        given = Input("query", name, Scalar(BY_NAME["Any"]), False, True)
        label = maker.name("lam")
        maker.write(f"{label} = {expression}", "")
        dependency = Dependency(label, [given])
    else:
        dependency = _function(maker, known, models, kind)
    known.append(dependency)
    return dependency


def _function(maker: Maker, known: list[Dependency], models: list[Model], kind: str) -> Dependency:
    label = maker.name("dep")
    written, given, names = [], [], []
    for _ in range(maker.pick((0, 1, 1, 2))):
        one, taken, name = parameter(maker)
        written.append(one)
        given.append(taken)
        names.append(name)
    if maker.chance(12) and (group := model_parameter(maker, models)) is not None:
        written.append(group[0])
        given += group[1]
        names.append(group[2])
    for sub in maker.some(known, maker.pick((0, 0, 1, 1, 2))):
        one, name = use(maker, sub)
        written.append(one)
        given += sub.given
        names.append(name)
    special = specials(maker, 5)
    parameters = join_parameters(maker, [*written, *special])
    shown = "".join(f", {name}" for name in names)
    if kind == "class":
        return _class(maker, label, parameters, shown, given)
    is_async = kind.startswith("async") or (kind in ("instance", "partial") and maker.chance(2))
    yields = kind.endswith("yield") or (kind == "instance" and maker.chance(4))
    define = "async def" if is_async else "def"
    gated = False
    if yields:
        body, gated = _generator(maker, label, shown, special, is_async)
    else:
        body = [f'log("{label}"{shown})', *effects(maker, label, special, is_async)]
        body.append(f'return "{label}"' if maker.chance(2) else f'return ["{label}"{shown}]')
    if kind == "instance":
        separator = ", " if parameters else ""
        maker.write(f"class {label.capitalize()}:")
        maker.write(f"    {define} __call__(self{separator}{parameters}):", *indent(body, 2), "")
        maker.write("", f"{label} = {label.capitalize()}()", "")
    elif kind == "partial":
        separator = ", " if parameters else ""
        maker.write(f"{define} {label}_full(fixed{separator}{parameters}):", *indent(body), "")
        maker.write(f"{label} = functools.partial({label}_full, 'fixed')", "")
    else:
        maker.write(f"{define} {label}({parameters}):", *indent(body), "", "")
    return Dependency(label, given, yields, gated)


def _class(maker: Maker, label: str, parameters: str, shown: str, given: list[Input]) -> Dependency:
    name = label.capitalize()
    separator = ", " if parameters else ""
    maker.write(
        f"class {name}:",
        f"    def __init__(self{separator}{parameters}):",
        f'        log("{name}"{shown})',
        f'        self.seen = show(["{name}"{shown}])',
        "",
        "    def __repr__(self):",
        "        return str(self.seen)",
        "",
        "",
    )
    return Dependency(name, given, annotation=name)


def _generator(
    maker: Maker, label: str, shown: str, special: list[Written], is_async: bool
) -> tuple[list[str], bool]:
    """Body of a dependency with yield: what it does before, with an exception, and after."""
    before = [f'log("{label} enter"{shown})', *effects(maker, label, special, is_async)]
    result = maker.pick((f'yield "{label}"', f'yield ["{label}"{shown}]', "yield"))
    form = maker.pick(("finally", "finally", "bare", "except", "except", "context"))
    exit_lines = [f'log("{label} exit")']
    if maker.chance(8):
        exit_lines += [f"if {_condition(maker)}:", "    " + a_raise(maker)]
    if is_async and maker.chance(4):
        exit_lines.insert(0, "await asyncio.sleep(0)")
    if form == "bare":
        return [*before, result, *exit_lines], False
    if form == "finally":
        return [*before, "try:", f"    {result}", "finally:", *indent(exit_lines)], False
    if form == "context":
        call = "manager"
        return [*before, f'with {call}("{label}"):', f"    {result}", *exit_lines], False
    caught = maker.pick(("Exception", "Custom", "HTTPException", "ValueError", "BaseException"))
    answer = maker.pick(
        ("raise", "raise", "pass", a_raise(maker), a_raise(maker) + " from exc", "return")
    )
    gated = maker.chance(2)
    lines = [
        *before,
        "try:",
        f"    {result}",
        f"except {caught} as exc:",
        f'    log("{label} caught", exc)',
        f"    {answer}",
    ]
    if gated:
        wait = "await asyncio.to_thread(GATE.wait, 5)" if is_async else "GATE.wait(5)"
        lines += ["else:", f'    log("{label} answered", {wait})']
    return [*lines, *(["finally:", *indent(exit_lines)] if maker.chance(2) else [])], gated


#: Class, arguments, where it looks, under which name, and what may be sent there.
SCHEMES = (
    (
        "OAuth2PasswordBearer",
        'tokenUrl="token", scopes={"a": "A", "b": "B"}',
        "header",
        "authorization",
    ),
    ("APIKeyHeader", 'name="X-Key"', "header", "x-key"),
    ("APIKeyQuery", 'name="key"', "query", "key"),
    ("APIKeyCookie", 'name="key"', "cookie", "key"),
    ("HTTPBearer", "", "header", "authorization"),
    ("HTTPBasic", "", "header", "authorization"),
    ("HTTPBasic", 'realm="here"', "header", "authorization"),
)


def _scheme(maker: Maker) -> Dependency:
    kind, arguments, where, wire = maker.pick(SCHEMES)
    parts = [arguments] if arguments else []
    if maker.chance(3):
        parts.append("auto_error=False")
    name = maker.name("scheme")
    maker.write(f"{name} = {kind}({', '.join(parts)})", "")
    return Dependency(name, [Input(where, wire, Scalar(BY_NAME["str"]))])
