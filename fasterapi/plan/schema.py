"""Questions to Pydantic's core schemas: is this bare text to int, does JSON mode equal Python mode,
does a response model leave a value as it is?

Everything is a whitelist: a schema, or a key of one, that is not listed here means "no".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import SchemaValidator

from fasterapi.plan.spec import Conv

__all__ = ["conv_of", "json_equals_python", "json_validator", "shape_of"]

Schema = Mapping[str, Any]

#: Keys that say nothing about what is accepted.
_SILENT: Final = frozenset({"type", "metadata", "ref", "serialization"})
_BARE: Final = {"str": Conv.STR, "int": Conv.INT, "float": Conv.FLOAT, "bool": Conv.BOOL}

#: Schema type -> keys it may have besides _SILENT for JSON mode to equal Python mode.
_JSON_KEYS: Final[dict[str, frozenset[str]]] = {
    "str": frozenset({"min_length", "max_length", "pattern"}),
    "int": frozenset({"ge", "gt", "le", "lt", "multiple_of"}),
    "float": frozenset({"ge", "gt", "le", "lt", "allow_inf_nan"}),
    "bool": frozenset(),
    "literal": frozenset({"expected"}),
    "nullable": frozenset({"schema"}),
    "default": frozenset({"schema", "default", "default_factory", "default_factory_takes_data"}),
    "list": frozenset({"items_schema", "min_length", "max_length"}),
    "dict": frozenset({"keys_schema", "values_schema"}),
    "model": frozenset({"cls", "schema", "config", "custom_init", "root_model", "generic_origin"}),
    "model-fields": frozenset({"fields", "model_name", "computed_fields"}),
    "model-field": frozenset(
        {"schema", "validation_alias", "serialization_alias", "frozen", "serialization_exclude"}
    ),
    "definition-ref": frozenset({"schema_ref"}),
}
#: Model configuration that does not change what is accepted or made.
_CONFIG_KEYS: Final = frozenset({"title", "from_attributes"})


def conv_of(schema: Schema) -> Conv:
    """How the core may convert a text for this schema: STR to BOOL if the type is bare.

    Below a nullable a text is still a text: only None itself becomes None.
    """
    while schema.get("type") in ("default", "nullable"):
        schema = schema["schema"]
    if not schema.keys() <= {"type", "metadata", "serialization"}:
        return Conv.VALIDATOR
    return _BARE.get(schema["type"], Conv.VALIDATOR)


#: Schema type -> (the core's letter for it, the key of what is inside).
_SHAPES: Final = {
    "any": ("a", None),
    "str": ("s", None),
    "int": ("i", None),
    "float": ("f", None),
    "bool": ("b", None),
    "none": ("n", None),
    "nullable": ("?", "schema"),
    "list": ("[", "items_schema"),
    "dict": ("{", "values_schema"),
}
#: The core takes no longer ones.
_SHAPE_LENGTH: Final = 15


def _has_plain_keys(schema: Schema) -> bool:
    """Whether a dict schema takes str keys as they are; the core looks that they are str."""
    keys: Schema = schema.get("keys_schema", {})
    return keys.get("type") in ("str", "any") and keys.keys() <= {"type", "metadata"}


def shape_of(schema: Schema) -> str | None:
    """The core's name (csrc/python/py_json.h) of a response schema that changes nothing in a value
    of its exact types, and is written as they are; None for any other. "{a" is dict[str, Any].
    """
    letters = ""
    inside: Schema | None = schema
    while inside is not None and len(letters) < _SHAPE_LENGTH:
        kind = inside.get("type")
        letter, key = _SHAPES.get(str(kind), ("", None))
        if not letter or not inside.keys() <= {"type", "metadata", "keys_schema", key}:
            return None
        if kind == "dict" and not _has_plain_keys(inside):
            return None
        letters += letter
        inside = None if key is None else inside.get(key, {})
    return None if inside is not None else letters


class _Walker:
    """Walks one schema; `float_seen` says whether a float is anywhere in it."""

    def __init__(self) -> None:
        self.float_seen = False
        self._known: dict[str, Schema] = {}
        self._visited: set[str] = set()

    def equal(self, schema: Schema) -> bool:
        kind = schema.get("type")
        keys = _JSON_KEYS.get(str(kind))
        if keys is None or not schema.keys() <= keys | _SILENT:
            return False
        check: Callable[[Schema], bool] | None = getattr(
            self, "_" + str(kind).replace("-", "_"), None
        )
        return True if check is None else check(schema)

    def _float(self, schema: Schema) -> bool:
        self.float_seen = True
        return True

    def _literal(self, schema: Schema) -> bool:
        return all(type(value) is str for value in schema["expected"])

    def _nullable(self, schema: Schema) -> bool:
        return self.equal(schema["schema"])

    def _default(self, schema: Schema) -> bool:
        return not schema.get("default_factory_takes_data") and self.equal(schema["schema"])

    def _list(self, schema: Schema) -> bool:
        return "items_schema" in schema and self.equal(schema["items_schema"])

    def _dict(self, schema: Schema) -> bool:
        # A repeated key is validated once in Python mode (the last one) and each time in JSON
        # mode; JSON mode then also takes the last one, so it accepts less, never something else.
        keys = schema.get("keys_schema", {})
        if keys.get("type") != "str" or not keys.keys() <= _SILENT:
            return False
        return "values_schema" in schema and self.equal(schema["values_schema"])

    def _model(self, schema: Schema) -> bool:
        if schema.get("custom_init") or schema.get("root_model"):
            return False
        if not schema.get("config", {}).keys() <= _CONFIG_KEYS:
            return False
        inner: Schema = schema["schema"]
        return inner.get("type") == "model-fields" and self.equal(inner)

    def _model_fields(self, schema: Schema) -> bool:
        return all(
            field.get("type") == "model-field" and self.equal(field)
            for field in schema["fields"].values()
        )

    def _model_field(self, schema: Schema) -> bool:
        alias = schema.get("validation_alias")
        return (alias is None or isinstance(alias, str)) and self.equal(schema["schema"])

    def _definition_ref(self, schema: Schema) -> bool:
        name = schema["schema_ref"]
        if name in self._visited:
            return True
        target = self._known.get(name)
        if target is None:
            return False
        self._visited.add(name)
        return self.equal(target)

    def equal_at_top(self, schema: Schema) -> bool:
        """Entry point for a schema that may have shared definitions at its top."""
        if schema.get("type") == "definitions":
            if not schema.keys() <= {"schema", "definitions"} | _SILENT:
                return False
            self._known = {one["ref"]: one for one in schema["definitions"]}
            schema = schema["schema"]
        return self.equal(schema)


def json_equals_python(schema: Schema) -> tuple[bool, bool]:
    """Whether validate_json(data), where it accepts, equals validate_python(json.loads(data)).

    Returns (equal, has_float). With a float in the schema it is equal except for integers too big
    for a float: JSON mode makes them inf, Python mode refuses them. JSON mode may refuse more
    (lone surrogates, UTF-16, deep nesting): a refused body goes to FastAPI anyway.
    """
    walker = _Walker()
    return walker.equal_at_top(schema), walker.float_seen


#: The smallest integer that is no finite float has this many digits.
_HUGE_DIGITS: Final = 309
_DIGITS_AS_ZERO: Final = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_HUGE: Final = b"0" * _HUGE_DIGITS


def _without_huge_integers(validator: SchemaValidator) -> Callable[[bytes], Any]:
    validate_json = validator.validate_json
    validate_python = validator.validate_python
    loads = json.loads

    def validate(data: bytes) -> Any:
        if len(data) >= _HUGE_DIGITS and _HUGE in data.translate(_DIGITS_AS_ZERO):
            return validate_python(loads(data), from_attributes=True)
        return validate_json(data)

    return validate


def json_validator(schema: Schema, validator: SchemaValidator) -> Callable[[bytes], Any] | None:
    """A function from a JSON body to what FastAPI would make of it, or None if not provable.

    It raises (ValidationError, ValueError) where the body is not certain. Any thread.
    """
    equal, has_float = json_equals_python(schema)
    if not equal:
        return None
    return _without_huge_integers(validator) if has_float else validator.validate_json
