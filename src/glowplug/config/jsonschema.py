"""The JSON Schema (draft 7, what editors read) of the configuration file, made from the declarations.

Everything stands in one tree without references, because editors drop what stands beside a `$ref`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect as shape

from glowplug.config.schema import Alias, Config, Provider
from glowplug.config.schema_models import Model
from glowplug.config.schema_rules import Group
from glowplug.config.wording import written
from glowplug.secret import Secret

SCHEMA_FILE = Path(__file__).with_name("schema.json")
EXAMPLE_FILE = Path(__file__).with_name("example.yaml")

_REFERENCE = r"\$\{"
_USD = r"^([0-9.]+([eE][-+]?[0-9]+)?|.*\$\{.*)$"
_NUMBER = r"[0-9]+(\.[0-9]+)?"
_SIZE = rf"^\s*{_NUMBER}\s*([kKmMgGtT]([iI]?[bB])?|[bB])?\s*$|{_REFERENCE}"
_DURATION = rf"({_NUMBER}|({_NUMBER}(ms|s|m|h|d))+)$|{_REFERENCE}"
_KEYS = {
    "name": r"^[A-Za-z0-9._:/@-]{1,200}$",
    "model": r"^([A-Za-z0-9._:/@-]{1,199}[A-Za-z0-9._:/@*-]|[A-Za-z0-9._:/@-])$",
    "variable": r"^[A-Za-z_][A-Za-z0-9_]*$",
    "header": r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
}
_LOOSE = ["string", "number", "boolean"]
_NAMED = {Provider: "a provider", Model: "a model", Alias: "an alias", Group: "a group"}


def json_schema() -> dict[str, Any]:
    """The schema; the copy in `schema.json` equals it (a test says so)."""
    tree = _schema(shape.type_info(Config), {})
    tree.pop("type")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Glowplug configuration",
        "type": ["object", "null"],
        **tree,
        "patternProperties": {"^x-": {"description": "Ignored; a place for anchors."}},
    }


def json_schema_text() -> str:
    """The schema as it is checked in."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode() + "\n"


def _schema(kind: shape.Type, extra: dict[str, Any]) -> dict[str, Any]:
    notes: dict[str, Any] = {}
    while isinstance(kind, shape.Metadata):
        extra = {**extra, **(kind.extra or {})}
        notes |= kind.extra_json_schema or {}
        kind = kind.type
    return {**notes, **_bare(kind, extra)}


def _bare(kind: shape.Type, extra: dict[str, Any]) -> dict[str, Any]:
    match kind:
        case shape.StructType():
            return _struct(kind)
        case shape.DictType():
            names = {"pattern": _KEYS[extra.get("keys", "name")]}
            values = _schema(kind.value_type, {})
            return {"type": ["object", "null"], "propertyNames": names, "additionalProperties": values}
        case shape.VarTupleType():
            items: dict[str, Any] = {"type": ["array", "null"], "items": _schema(kind.item_type, {})}
            if kind.min_length:
                items |= {"type": "array", "minItems": kind.min_length}
            return {**items, "uniqueItems": True} if extra.get("unique") else items
        case shape.UnionType():
            return _union(kind, extra)
        case shape.EnumType():
            return {"enum": [member.value for member in kind.cls]}
        case shape.BoolType():
            return {"type": ["boolean", "string"], "pattern": _REFERENCE}
        case shape.IntType():
            return _integer(kind, extra)
        case shape.FloatType():
            return _duration(extra)
        case shape.StrType() | shape.CustomType():
            least = {"minLength": kind.min_length} if isinstance(kind, shape.StrType) and kind.min_length else {}
            return {"type": _LOOSE if extra.get("loose") else "string", **least}
    raise TypeError(f"no JSON Schema is known for {kind}")


def _struct(kind: shape.StructType) -> dict[str, Any]:
    found: dict[str, Any] = {"description": (kind.cls.__doc__ or "").strip().split("\n")[0]}
    required = [item.encode_name for item in kind.fields if item.required]
    found["type"] = "object" if required or kind.cls is Model else ["object", "null"]
    if kind.cls in _NAMED:
        found["title"] = _NAMED[kind.cls]
    found["additionalProperties"] = False
    found["properties"] = {item.encode_name: _field(item) for item in kind.fields}
    if required:
        found["required"] = required
    if kind.cls is Model:
        places = [{"required": [name]} for name in ("path", "id", "command", "unit")]
        found["oneOf"] = [{"required": ["engine"], "anyOf": places}, {"required": ["provider", "id"]}]
    return found


def _field(item: shape.Field) -> dict[str, Any]:
    found = {"title": item.encode_name.replace("_", " "), **_schema(item.type, {})}
    value, extra = item.default, unwrap(item.type)[1]
    if value is not msgspec.NODEFAULT and value is not None and not isinstance(value, (msgspec.Struct, Secret)):
        found["default"] = written(value, extra)
    return found


def _union(kind: shape.UnionType, extra: dict[str, Any]) -> dict[str, Any]:
    choices = [_schema(item, extra) for item in kind.types if not isinstance(item, shape.NoneType)]
    null = len(choices) < len(kind.types)
    if len(choices) > 1:
        plain = [choice["type"] for choice in choices if set(choice) <= {"type", "pattern"}]
        if len(plain) == len(choices):  # the values of `options`
            return {"type": _LOOSE}
        return {"anyOf": [*choices, {"type": "null"}] if null else choices}
    (only,) = choices
    if not null:
        return only
    if "enum" in only:
        return {**only, "enum": [*only["enum"], None]}
    types = only["type"] if isinstance(only["type"], list) else [only["type"]]
    return {**only, "type": [*types, "null"] if "null" not in types else types}


def _integer(kind: shape.IntType, extra: dict[str, Any]) -> dict[str, Any]:
    if extra.get("unit") == "usd":
        return {"type": ["number", "string"], "minimum": 0, "pattern": _USD}
    found: dict[str, Any] = {"type": ["integer", "string"]}
    if kind.ge is not None:
        found["minimum"] = kind.ge
    if kind.le is not None:
        found["maximum"] = kind.le
    found["pattern"] = _SIZE if extra.get("unit") == "size" else _REFERENCE
    return found


def _duration(extra: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": ["string", "number"]}
    if extra.get("forever"):
        return {**found, "pattern": "^-?" + _DURATION}
    least = {"exclusiveMinimum": 0} if extra.get("positive") else {"minimum": 0}
    return {**found, **least, "pattern": "^" + _DURATION}


def unwrap(kind: shape.Type) -> tuple[shape.Type, dict[str, Any], dict[str, Any]]:
    """The first real type inside metadata and optional unions, with what the metadata on the way says."""
    extra: dict[str, Any] = {}
    notes: dict[str, Any] = {}
    while isinstance(kind, shape.Metadata | shape.UnionType):
        if isinstance(kind, shape.Metadata):
            extra |= kind.extra or {}
            notes = {**(kind.extra_json_schema or {}), **notes}
            kind = kind.type
        else:
            kind = kind.types[0]
    return kind, extra, notes
