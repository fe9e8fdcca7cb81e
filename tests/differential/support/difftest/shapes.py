"""Types of bodies and answers: models, dataclasses, lists, unions; and JSON that fits them."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from difftest.kinds import SCALARS, Kind, bad_json, constraints
from difftest.maker import Maker

__all__ = ["Model", "Shape", "a_model", "a_shape", "value_text"]


class Shape(abc.ABC):
    """A type of JSON data."""

    text = ""

    @abc.abstractmethod
    def good(self, maker: Maker) -> Any:
        """JSON that (nearly always) fits."""


@dataclasses.dataclass
class Scalar(Shape):
    kind: Kind

    def __post_init__(self) -> None:
        self.text = self.kind.text

    def good(self, maker: Maker) -> Any:
        return maker.pick(self.kind.json)


@dataclasses.dataclass
class Wrapped(Shape):
    """list[X], set[X], dict[str, X], X | None, tuple[X, ...]."""

    form: str
    inner: Shape

    def __post_init__(self) -> None:
        self.text = self.form.format(self.inner.text)

    def good(self, maker: Maker) -> Any:
        if "None" in self.form and maker.chance(3):
            return None
        if "dict" in self.form:
            return {f"k{i}": self.inner.good(maker) for i in range(maker.count(2))}
        if "[{" in self.form:
            return [self.inner.good(maker) for _ in range(maker.count(2))]
        return self.inner.good(maker)


@dataclasses.dataclass
class Either(Shape):
    first: Shape
    second: Shape

    def __post_init__(self) -> None:
        self.text = f"Union[{self.first.text}, {self.second.text}]"

    def good(self, maker: Maker) -> Any:
        return maker.pick((self.first, self.second)).good(maker)


@dataclasses.dataclass
class Model(Shape):
    """A class with fields. fields: (name in JSON, name in Python, shape, may be left out)."""

    name: str
    fields: list[tuple[str, str, Shape, bool]]
    constructor: str = "{name}.model_validate({data})"

    def __post_init__(self) -> None:
        self.text = self.name

    def good(self, maker: Maker) -> Any:
        data: dict[str, Any] = {}
        for wire, _, shape, optional in self.fields:
            if not (optional and maker.chance(2)):
                data[wire] = shape.good(maker)
        if maker.chance(8):
            data["surplus"] = 1
        return data


def _wrap(maker: Maker, shape: Shape) -> Shape:
    form = maker.pick(
        (
            "{}",
            "{}",
            "{}",
            "{} | None",
            "list[{}]",
            "dict[str, {}]",
            "tuple[{}, ...]",
            "Optional[{}]",
        )
    )
    return shape if form == "{}" else Wrapped(form, shape)


def a_shape(maker: Maker, models: list[Model], depth: int = 2) -> Shape:
    """Any type of a field, a body or an answer."""
    choice = maker.count(5)
    if depth > 0 and choice == 5:
        return _wrap(maker, a_shape(maker, models, depth - 1))
    if depth > 0 and choice == 4 and maker.chance(3):
        return Either(a_shape(maker, models, 0), a_shape(maker, models, 0))
    if models and choice >= 3:
        return _wrap(maker, maker.pick(models))
    return _wrap(maker, Scalar(maker.pick(SCALARS)))


def _default(shape: Shape) -> str:
    if isinstance(shape, Scalar):
        return shape.kind.default
    if isinstance(shape, Wrapped) and "None" not in shape.form:
        return {"list[{}]": "[]", "dict[str, {}]": "{{}}"}.get(shape.form, "()").replace(
            "{{}}", "{}"
        )
    return "None"


def _field(maker: Maker, shape: Shape, name: str, style: str) -> tuple[str, str, bool]:
    """(line, name in JSON, may be left out) of one field."""
    optional = maker.chance(2)
    default = _default(shape)
    if style == "dataclass":
        if not optional:
            return f"{name}: {shape.text}", name, False
        if default in ("[]", "{}"):
            kind = "list" if default == "[]" else "dict"
            return f"{name}: {shape.text} = dataclasses.field(default_factory={kind})", name, True
        return f"{name}: {shape.text} = {default}", name, True
    arguments = []
    wire = name
    limits = constraints(maker, shape.kind) if isinstance(shape, Scalar) else ""
    if limits and "include_in_schema" not in limits:
        arguments.append(limits)
    if maker.chance(6):
        wire = name.capitalize() + "-x"
        arguments.append(f"alias={wire!r}")
    elif maker.chance(12):
        arguments.append("serialization_alias='out" + name + "'")
    elif maker.chance(16):
        arguments.append("exclude=True")
    if not optional:
        return (
            f"{name}: {shape.text}" + (f" = Field({', '.join(arguments)})" if arguments else ""),
            wire,
            False,
        )
    if arguments:
        return f"{name}: {shape.text} = Field({', '.join([default, *arguments])})", wire, True
    return f"{name}: {shape.text} = {default}", wire, True


_CONFIGS = (
    "", "", "", "", "extra='forbid'", "extra='allow'", "populate_by_name=True", "frozen=True",
    "str_strip_whitespace=True", "use_enum_values=True", "from_attributes=True", "strict=True",
    "ser_json_timedelta='float'", "validate_assignment=True", "title='T'",
)  # fmt: skip


def a_model(maker: Maker, models: list[Model]) -> Model:
    """Write one class; its fields may be of classes written before."""
    style = maker.pick(("model", "model", "model", "model", "dataclass", "derived"))
    parent = None
    if style == "derived":
        parents = [one for one in models if one.constructor.startswith("{name}.model")]
        parent = maker.pick(parents) if parents else None
    name = maker.name("Model")
    if style == "dataclass":
        lines = ["@dataclasses.dataclass", f"class {name}:"]
    else:
        lines = [f"class {name}({parent.name if parent else 'BaseModel'}):"]
        if config := maker.pick(_CONFIGS):
            lines.append(f"    model_config = ConfigDict({config})")
    fields = list(parent.fields) if parent else []
    written: list[tuple[bool, str]] = []
    for _ in range(maker.count(3, least=1)):
        shape = a_shape(maker, models, 1)
        python = maker.name("f")
        line, wire, optional = _field(maker, shape, python, style)
        written.append((optional, line))
        fields.append((wire, python, shape, optional))
    # A field with a default may not come before one without in a dataclass.
    lines += ["    " + line for _, line in sorted(written, key=lambda pair: pair[0])]
    if style != "dataclass":
        lines += _extras(maker)
    maker.write(*lines, "", "")
    constructor = "{name}(**{data})" if style == "dataclass" else "{name}.model_validate({data})"
    model = Model(name, fields, constructor)
    models.append(model)
    return model


def _extras(maker: Maker) -> list[str]:
    if not maker.chance(6):
        return []
    return [
        "",
        "    @computed_field",
        "    @property",
        "    def computed(self) -> int:",
        "        LOG.append('computed')",
        "        return 7",
    ]


def value_text(maker: Maker, shape: Shape) -> str:
    """An expression for a value that nearly always fits the type."""
    if maker.chance(12):
        return repr(bad_json(maker))
    data = repr(shape.good(maker))
    if isinstance(shape, Model) and maker.chance(2):
        return shape.constructor.format(name=shape.name, data=data)
    return data
