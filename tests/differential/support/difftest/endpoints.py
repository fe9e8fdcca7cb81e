"""Path operations: what they take, what they do, what they give back."""

from __future__ import annotations

import dataclasses

from difftest.dependencies import Dependency, a_raise, depends, effects, specials, use
from difftest.inputs import (
    Input,
    body_parameters,
    join_parameters,
    model_parameter,
    parameter,
    path_parameter,
)
from difftest.maker import Maker, indent
from difftest.shapes import Model, Shape, a_shape, value_text

__all__ = ["Operation", "an_operation"]


@dataclasses.dataclass
class Operation:
    """One path operation on a router. given: all that a request may send for it."""

    methods: tuple[str, ...]
    path: str
    given: list[Input]

    def below(self, prefix: str, more: list[Input]) -> Operation:
        return Operation(self.methods, prefix + self.path, [*self.given, *more])


def _path(maker: Maker) -> tuple[str, list[str]]:
    """A path and the names of its parameters."""
    static = maker.name("r")
    form = maker.count(8)
    if form < 3:
        return f"/{static}", []
    first = maker.name("p")
    convertor = maker.pick(("", "", "", "", ":int", ":float", ":path", ":str", ":uuid"))
    if form < 6:
        return f"/{static}/{{{first}{convertor}}}", [first]
    if form == 6:
        second = maker.name("p")
        return f"/{{{first}}}/{static}/{{{second}{convertor}}}", [first, second]
    if form == 7:
        return f"/{{{first}{convertor}}}", [first]
    return maker.pick((f"/{static}/", f"/{static}/x-{{{first}}}.json")), [] if form != 8 else [
        first
    ]


def an_operation(
    maker: Maker, router: str, known: list[Dependency], models: list[Model]
) -> Operation:
    """Write one path operation onto the router."""
    label = maker.name("route_")
    path, in_path = _path(maker)
    in_path = [name for name in in_path if "{" + name in path]
    method = maker.pick(("get", "get", "get", "post", "post", "put", "delete", "patch"))
    written, given, names = [], [], []
    for name in in_path:
        one, taken = path_parameter(maker, name)
        written.append(one)
        given.append(taken)
        names.append(name)
    for _ in range(maker.pick((0, 1, 1, 2, 3))):
        one, taken, name = parameter(maker)
        written.append(one)
        given.append(taken)
        names.append(name)
    if maker.chance(6) and (group := model_parameter(maker, models)) is not None:
        written.append(group[0])
        given += group[1]
        names.append(group[2])
    if method in ("post", "put", "patch") and not maker.chance(6):
        more, taken_more, more_names = body_parameters(maker, models)
        written += more
        given += taken_more
        names += more_names
    for dependency in maker.some(known, maker.pick((0, 0, 1, 2, 3))):
        one, name = use(maker, dependency)
        written.append(one)
        given += dependency.given
        names.append(name)
    special = specials(maker, 4)
    options = []
    if maker.chance(6) and known:
        extra = maker.pick(known)
        options.append(f"dependencies=[{depends(maker, extra)}]")
        given += extra.given
    parameters = join_parameters(maker, [*written, *special])
    _write(maker, router, label, path, method, parameters, names, special, options, models)
    methods = (method.upper(),)
    return Operation(methods, path, given)


def _write(
    maker: Maker,
    router: str,
    label: str,
    path: str,
    method: str,
    parameters: str,
    names: list[str],
    special: list[tuple[str, bool]],
    options: list[str],
    models: list[Model],
) -> None:
    is_async = maker.chance(2)
    define = "async def" if is_async else "def"
    shown = "".join(f", {name}" for name in names)
    body = [f'log("{label}"{shown})', *effects(maker, label, special, is_async)]
    annotation, result = _result(maker, shown, options, models)
    body += result
    decorated = f'@{router}.{method}("{path}"'
    if maker.chance(12) and annotation == "":
        decorated = f'@{router}.api_route("{path}", methods=["{method.upper()}", "OPTIONS"]'
    maker.write(
        ", ".join([decorated, *options]) + ")",
        f"{define} {label}({parameters}){annotation}:",
        *indent(body),
        "",
        "",
    )


def _result(
    maker: Maker, shown: str, options: list[str], models: list[Model]
) -> tuple[str, list[str]]:
    """(return annotation, last statements) of an endpoint; may add options of the route."""
    kind = maker.pick(
        (
            "inputs",
            "inputs",
            "typed",
            "typed",
            "typed",
            "plain",
            "response",
            "raise",
            "class",
            "empty",
            "stream",
        )
    )
    if kind == "typed":
        return _typed(maker, options, models)
    if kind == "plain":
        value = maker.pick(
            (
                "None", "'text'", "7", "[1, 2.5, None, True]", "{'_sa_x': 1, 'a': {1, 2}}",
                "float('nan')", "{1: 'a', None: 2}", "decimal.Decimal('1.10')", "'\\ud83d'",
                "uuid.UUID(int=5)", "datetime.timedelta(seconds=1.5)", "object", "Colour.red",
                "{'x': [datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)]}", "1e16",
                "'x' * 6000", "b'bytes'", "b'\\xff'", "{'a': 1e-7}", "-0.0", "10**30", "(1, [])",
            )
        )  # fmt: skip
        if maker.chance(5):
            options.append(f"status_code={maker.pick((201, 202, 400, 503, 299))}")
        return "", [f"return {value}"]
    if kind == "response":
        return "", [f"return {maker.pick(RESPONSES)}"]
    if kind == "raise":
        return "", [a_raise(maker)]
    if kind == "class":
        name, value = maker.pick(CLASSES)
        options.append(f"response_class={name}")
        return "", [f"return {value}"]
    if kind == "empty":
        options.append(f"status_code={maker.pick((204, 304))}")
        return "", [f"return {maker.pick(('None', 'Response(status_code=204)', '{}'))}"]
    if kind == "stream":
        return _stream(maker, options, models)
    return "", [f"return show([{shown.removeprefix(', ')}])"]


def _stream(maker: Maker, options: list[str], models: list[Model]) -> tuple[str, list[str]]:
    """A generator for each way in which FastAPI streams."""
    kinds = ("lines", "lines", "typed", "raw", "class")
    kind = maker.pick((*kinds, "events") if maker.has_events else kinds)
    first, second, annotation = "{'n': 1}", "{'n': 2}", ""
    if kind == "typed":
        shape: Shape = maker.pick(models) if models and maker.chance(2) else a_shape(maker, models)
        first, second = value_text(maker, shape), value_text(maker, shape)
        annotation = f" -> {maker.pick(('Iterable', 'AsyncIterable', 'Iterator'))}[{shape.text}]"
    elif kind == "events":
        options.append("response_class=EventSourceResponse")
        first, second = maker.pick(EVENTS), maker.pick(EVENTS)
    elif kind == "raw":
        options.append("response_class=StreamingResponse")
        first, second = maker.pick(PIECES), maker.pick(PIECES)
    elif kind == "class":
        options.append(
            f"response_class={maker.pick(('PlainTextResponse', 'JSONResponse', 'Upper'))}"
        )
    if maker.chance(4):
        options.append(f"status_code={maker.pick((201, 202, 418))}")
    lines = [f"yield {first}", "log('between')", f"yield {second}"]
    if maker.chance(4):
        lines.append(a_raise(maker))
    return annotation, lines


EVENTS = (
    "{'n': 1}",
    "ServerSentEvent(data='a\\nb', event='e', id='1', retry=3, comment='c')",
    "ServerSentEvent(raw_data='x\\r\\ny')",
    "ServerSentEvent(comment='only')",
    "float('nan')",
    "None",
)

PIECES = ("'text é'", "b'bytes'", "''", "memoryview(b'view')", "7")

RESPONSES = (
    "JSONResponse({'a': 1}, status_code=201, headers={'x-own': '1'})",
    "PlainTextResponse('plain', background=BackgroundTask(task, 'of response'))",
    "Response(b'raw', media_type='application/x-raw')",
    "RedirectResponse('/elsewhere?a=b c')",
    "HTMLResponse('<p>é</p>')",
    "StreamingResponse(iter([b'a', b'', b'bc']), media_type='text/plain')",
    "Response(status_code=204)",
    "JSONResponse(None, background=BackgroundTask(atask, 'of response'))",
    "Upper({'a': 'b'})",
    "Response('x' * 5000)",
)

CLASSES = (
    ("JSONResponse", "{'a': 1}"),
    ("PlainTextResponse", "'plain é'"),
    ("HTMLResponse", "'<b>'"),
    ("RedirectResponse", "'/there'"),
    ("Upper", "{'a': 'b'}"),
    ("Response", "b'raw'"),
    ("PlainTextResponse", "7"),
    ("JSONResponse", "float('inf')"),
)


def _typed(maker: Maker, options: list[str], models: list[Model]) -> tuple[str, list[str]]:
    shape: Shape = maker.pick(models) if models and maker.chance(2) else a_shape(maker, models)
    if maker.chance(4):
        options.append(
            maker.pick(
                (
                    "response_model_exclude_unset=True", "response_model_exclude_none=True",
                    "response_model_exclude_defaults=True", "response_model_by_alias=False",
                    "response_model_include={'f0', 'f1'}", "response_model_exclude={'f0', 'f2'}",
                    "status_code=201", "response_class=JSONResponse", "response_description='D'",
                )
            )
        )  # fmt: skip
    result = [f"return {value_text(maker, shape)}"]
    if maker.chance(8):
        result = [f"return {maker.pick(RESPONSES)}"]
    if maker.chance(2):
        return f" -> {shape.text}", result
    options.append(f"response_model={shape.text}")
    return "", result
