"""ui/src/types.ts: the shapes of the admin API for the compiler of the UI, from the published OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tools.docs.openapi import components

from glowplug.control.schemas import REF

PAGE: Final = "ui/src/types.ts"
_OPENING: Final = """// Made by `python -m tools.docs` from the components of docs/openapi.json: do not edit.
//
// Members with a `?` may be left out; the others are always there.
"""
_PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def pages(_root: Path) -> dict[str, str]:
    return {PAGE: typescript(components())}


def typescript(schemas: Mapping[str, Mapping[str, Any]]) -> str:
    """Declarations for JSON Schemas by name, as OpenAPI has them below `components`."""
    return _OPENING + "".join(f"\n{_declared(name, schemas[name])}" for name in sorted(schemas))


def _declared(name: str, schema: Mapping[str, Any]) -> str:
    said = _comment(schema, "")
    if schema.get("type") != "object":
        return f"{said}export type {name} = {_type(schema)};\n"
    required = set(schema.get("required", ()))
    lines = [
        f"{_comment(member, '  ')}  {field}{'' if field in required else '?'}: {_type(member)};\n"
        for field, member in schema.get("properties", {}).items()
    ]
    return f"{said}export interface {name} {{\n{''.join(lines)}}}\n"


def _comment(schema: Mapping[str, Any], indent: str) -> str:
    text = " ".join(str(schema.get("description", "")).split())
    return f"{indent}/** {text} */\n" if text else ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(REF)
    if "enum" in schema:
        return " | ".join(f'"{value}"' for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        items = _type(schema.get("items") or {})
        return f"readonly ({items})[]" if " " in items else f"readonly {items}[]"
    if kind == "object":
        return f"Record<string, {_type(schema.get('additionalProperties') or {})}>"
    return _PLAIN.get(str(kind), "unknown")
