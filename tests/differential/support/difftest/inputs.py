"""Parameters of endpoints and dependencies: how they are declared, and what a request may send."""

from __future__ import annotations

import dataclasses

from difftest.kinds import BY_NAME, SCALARS, Kind, constraints
from difftest.maker import Maker
from difftest.shapes import Model, Scalar, Shape, a_shape

__all__ = ["Input", "body_parameters", "join_parameters", "parameter", "path_parameter"]


@dataclasses.dataclass(frozen=True)
class Input:
    """What a request may send for one parameter. where: path, query, header, cookie, body, form or
    file; wire: its name there ("" for the whole body)."""

    where: str
    wire: str
    shape: Shape
    many: bool = False
    required: bool = True

    @property
    def kind(self) -> Kind:
        return self.shape.kind if isinstance(self.shape, Scalar) else BY_NAME["str"]


#: One parameter as text, and whether it has a default (then it must come later).
Written = tuple[str, bool]

_JSON = Kind("Json[list[int]]", ("[1, 2]", "[]"), ("", "x", "[1.5]", "1", "null"), "[3]", ([1], []))
_PLAIN = [kind for kind in SCALARS if kind.text not in ("Any", "bytes")]


def join_parameters(maker: Maker, written: list[Written]) -> str:
    """All parameters of one function in an order that Python takes."""
    if maker.chance(4) and written:
        return ", ".join(["*", *[text for text, _ in written]])
    return ", ".join(text for text, _ in sorted(written, key=lambda pair: pair[1]))


def _declare(
    maker: Maker, name: str, annotation: str, call: str, arguments: list[str], default: str | None
) -> Written:
    """A parameter with Query() or the like, in the new style or the old one."""
    if maker.chance(2):
        first = [] if default is None else [default]
        return f"{name}: {annotation} = {call}({', '.join([*first, *arguments])})", True
    if default is not None and maker.chance(10):
        arguments = [*arguments, f"default_factory=lambda: {default}"]
        return f"{name}: Annotated[{annotation}, {call}({', '.join(arguments)})]", False
    text = f"{name}: Annotated[{annotation}, {call}({', '.join(arguments)})]"
    return (text, False) if default is None else (f"{text} = {default}", True)


def parameter(maker: Maker) -> tuple[Written, Input, str]:
    """A query, header or cookie parameter: (declaration, input, name in Python)."""
    where = maker.pick(("query", "query", "query", "header", "cookie"))
    kind = _JSON if maker.chance(16) else maker.pick(_PLAIN)
    name = maker.name({"query": "q", "header": "x_h", "cookie": "c"}[where])
    shape = Scalar(kind)
    if where == "query" and kind is not _JSON and maker.chance(2):
        form = maker.pick(("required", "default", "optional"))
        text = {
            "required": f"{name}: {kind.text}",
            "default": f"{name}: {kind.text} = {kind.default}",
            "optional": f"{name}: {kind.text} | None = None",
        }[form]
        return (
            (text, form != "required"),
            Input(where, name, shape, False, form == "required"),
            name,
        )
    many = kind is not _JSON and maker.chance(12 if where == "cookie" else 4)
    annotation = (
        maker.pick(("list[{}]", "list[{}]", "set[{}]")).format(kind.text) if many else kind.text
    )
    default: str | None = None
    form = maker.pick(("required", "default", "optional"))
    if form == "default":
        default = maker.pick(("[]", f"[{kind.default}]")) if many else kind.default
        if annotation.startswith("set"):
            default = f"{{{kind.default}}}"
    elif form == "optional":
        annotation, default = f"{annotation} | None", "None"
    arguments = []
    if not many and (limits := constraints(maker, kind)):
        arguments.append(limits)
    wire = name.replace("_", "-") if where == "header" else name
    if maker.chance(10):
        wire = maker.pick((name, name + "-b"))
        arguments.append(f"validation_alias=AliasChoices({name!r}, {name + '-b'!r})")
    elif maker.chance(5):
        wire = name.replace("_", "-").capitalize() + "-alias"
        arguments.append(maker.pick(("alias", "alias", "validation_alias")) + f"={wire!r}")
    elif where == "header" and maker.chance(8):
        wire = name
        arguments.append("convert_underscores=False")
    call = where.capitalize()
    return (
        _declare(maker, name, annotation, call, arguments, default),
        Input(where, wire, shape, many, default is None),
        name,
    )


def path_parameter(maker: Maker, name: str) -> tuple[Written, Input]:
    """The parameter for a part of the path."""
    kind = maker.pick(SCALARS[:13])
    given = Input("path", name, Scalar(kind))
    if maker.chance(2):
        return (f"{name}: {kind.text}", False), given
    limits = constraints(maker, kind)
    return _declare(maker, name, kind.text, "Path", [limits] if limits else [], None), given


def _flat(models: list[Model]) -> list[Model]:
    """Those whose fields are single values, as parameters and forms can give them."""
    flat = [
        one for one in models if all(isinstance(shape, Scalar) for _, _, shape, _ in one.fields)
    ]
    return [one for one in flat if one.constructor.startswith("{name}.model")]


def _of_model(maker: Maker, model: Model, where: str) -> tuple[Written, list[Input], str]:
    """A parameter that collects all fields of a model from one place."""
    name = maker.name("group")
    given = [
        Input(
            where, wire.replace("_", "-") if where == "header" else wire, shape, False, not optional
        )
        for wire, _, shape, optional in model.fields
    ]
    if maker.chance(4):
        text = f"{name}: Annotated[{model.name} | None, {where.capitalize()}()] = None"
        return (text, True), given, name
    return (f"{name}: Annotated[{model.name}, {where.capitalize()}()]", False), given, name


def model_parameter(maker: Maker, models: list[Model]) -> tuple[Written, list[Input], str] | None:
    """A model that collects query, header or cookie parameters, if some model is flat enough."""
    flat = _flat(models)
    if not flat:
        return None
    return _of_model(maker, maker.pick(flat), maker.pick(("query", "header", "cookie")))


__all__ += ["model_parameter"]


def body_parameters(
    maker: Maker, models: list[Model], most: int = 3
) -> tuple[list[Written], list[Input], list[str]]:
    """Parameters that are read from the body: one model, several, scalars, a form with files."""
    if maker.chance(4):
        return _form(maker, models)
    count = maker.pick((1, 1, 1, 2, 3))
    written: list[Written] = []
    given: list[Input] = []
    names: list[str] = []
    embed = count > 1
    for _ in range(min(count, most)):
        name = maker.name("body")
        shape: Shape = maker.pick(models) if models and maker.chance(2) else a_shape(maker, models)
        default = maker.pick((None, None, None, "None"))
        annotation = shape.text if default is None else f"{shape.text} | None"
        arguments = []
        if count == 1 and maker.chance(5):
            arguments.append("embed=True")
            embed = True
        wire = name
        if embed and maker.chance(8):
            wire = name + "-alias"
            arguments.append(f"alias={wire!r}")
        if isinstance(shape, Model) and not arguments and maker.chance(2):
            text = f"{name}: {annotation}" + ("" if default is None else f" = {default}")
            written.append((text, default is not None))
        else:
            written.append(_declare(maker, name, annotation, "Body", arguments, default))
        given.append(Input("body", wire, shape, False, default is None))
        names.append(name)
    if not embed:
        given = [dataclasses.replace(given[0], wire="")]
    return written, given, names


def _form(maker: Maker, models: list[Model]) -> tuple[list[Written], list[Input], list[str]]:
    written: list[Written] = []
    given: list[Input] = []
    names: list[str] = []
    flat = _flat(models)
    for _ in range(maker.count(3, least=1)):
        if flat and maker.chance(5):
            one, inputs, name = _of_model(maker, maker.pick(flat), "form")
            written.append(one)
            given += inputs
            names.append(name)
            continue
        name = maker.name("form")
        if maker.chance(3):
            annotation = maker.pick(
                ("UploadFile", "bytes", "list[UploadFile]", "UploadFile | None")
            )
            default = "None" if "None" in annotation else None
            written.append(_declare(maker, name, annotation, "File", [], default))
            many = annotation.startswith("list")
            given.append(Input("file", name, Scalar(BY_NAME["bytes"]), many, default is None))
        else:
            kind = maker.pick(_PLAIN)
            many = maker.chance(5)
            annotation = f"list[{kind.text}]" if many else kind.text
            default = maker.pick((None, "[]" if many else kind.default))
            written.append(_declare(maker, name, annotation, "Form", [], default))
            given.append(Input("form", name, Scalar(kind), many, default is None))
        names.append(name)
    return written, given, names
