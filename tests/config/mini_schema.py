"""As much of JSON Schema draft 7 as our schema uses.  An unknown keyword fails, so that nothing is skipped unseen."""

from __future__ import annotations

import re
from typing import Any

_SILENT = {"$schema", "title", "description", "examples", "default"}
_TYPES = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool}


def errors(schema: dict[str, Any], value: Any, at: str = "") -> list[str]:
    """What is wrong with `value`, by path."""
    found: list[str] = []
    for keyword, rule in schema.items():
        if keyword in _SILENT or keyword in ("additionalProperties", "patternProperties"):
            continue
        found += _check(keyword, rule, value, at)
    if isinstance(value, dict):
        found += _members(schema, value, at)
    return found


def _check(keyword: str, rule: Any, value: Any, at: str) -> list[str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match keyword:
        case "type":
            good = any(_is(value, kind) for kind in ([rule] if isinstance(rule, str) else rule))
        case "enum":
            good = value in rule
        case "properties":
            return []
        case "required":
            good = not isinstance(value, dict) or all(name in value for name in rule)
        case "oneOf" | "anyOf":
            count = sum(not errors(choice, value) for choice in rule)
            good = count == 1 if keyword == "oneOf" else count >= 1
        case "minimum":
            good = not number or value >= rule
        case "maximum":
            good = not number or value <= rule
        case "exclusiveMinimum":
            good = not number or value > rule
        case "pattern":
            good = not isinstance(value, str) or bool(re.search(rule, value))
        case "minLength":
            good = not isinstance(value, str) or len(value) >= rule
        case "minItems":
            good = not isinstance(value, list) or len(value) >= rule
        case "uniqueItems":
            good = not isinstance(value, list) or len({repr(item) for item in value}) == len(value)
        case "propertyNames":
            return [e for name in value for e in errors(rule, name, f"{at}.{name}")] if isinstance(value, dict) else []
        case "items":
            items = value if isinstance(value, list) else []
            return [e for number, item in enumerate(items) for e in errors(rule, item, f"{at}[{number}]")]
        case _:
            raise AssertionError(f"the schema uses {keyword}, which this checker does not know")
    return [] if good else [f"{at}: {keyword} {rule}"]


def _members(schema: dict[str, Any], value: dict[str, Any], at: str) -> list[str]:
    found = []
    for name, child in value.items():
        rule = schema.get("properties", {}).get(name)
        if rule is None:
            rule = next((r for p, r in schema.get("patternProperties", {}).items() if re.search(p, name)), None)
        if rule is None:
            rule = schema.get("additionalProperties", {})
        if rule is False:
            found.append(f"{at}.{name}: unknown")
        else:
            found += errors(rule, child, f"{at}.{name}")
    return found


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, _TYPES[kind])
