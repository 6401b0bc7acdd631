"""How messages name what was found and what was expected, and how values are written back."""

from __future__ import annotations

import enum
import math
from typing import Any, Final

import msgspec.inspect as shape

from glowplug.config.lines import Node, Scalar, Sequence, printable
from glowplug.money import NANO, decimal_usd
from glowplug.units import format_duration

_NUMBERS: Final = {
    "size": "a size such as 512MiB or 14GiB",
    "usd": "dollars such as 3.00, with at most nine digits after the point",
}


def what(node: Node) -> str:
    """A node, for "must be …, not …"."""
    if isinstance(node, Scalar):
        return said(node)
    return "a list" if isinstance(node, Sequence) else "a mapping"


def said(node: Scalar) -> str:
    """A scalar as a message names it."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"{printable(value)!r}" if value else "empty text"
    return f"the {'word' if isinstance(value, bool) else 'number'} {printable(node.text)}"


def expected(kind: shape.Type, extra: dict[str, Any]) -> str:
    """What a field takes, for "must be …"."""
    match kind:
        case shape.IntType():
            return _NUMBERS.get(extra.get("unit", ""), "a whole number")
        case shape.FloatType():
            return "a duration such as 30s, 5m or 1h30m"
        case shape.EnumType():
            *most, last = [str(member.value) for member in kind.cls]
            return f"{', '.join(most)} or {last}"
        case shape.BoolType():
            return "true or false"
    return "text or a list of words" if extra.get("or_list") else "text"


def example(item: shape.Field) -> str:
    """A hint that shows how the field is written."""
    kind = item.type
    examples = (kind.extra_json_schema or {}).get("examples") if isinstance(kind, shape.Metadata) else None
    if not examples:
        return ""
    first = examples[0]
    return f"for example {item.encode_name}: {'[' + ', '.join(first) + ']' if isinstance(first, list) else first}"


def written(value: object, extra: dict[str, Any]) -> object:
    """A value as it would be written in the file: `5m`, `64MiB`, the word of an enum."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [written(item, extra) for item in value]
    if isinstance(value, float) and extra.get("unit") == "duration":
        return -1 if math.isinf(value) else format_duration(value)
    if isinstance(value, int) and extra.get("unit") == "size":
        return exact_size(value)
    if isinstance(value, int) and extra.get("unit") == "usd":
        return float(decimal_usd(value)) if value % NANO else value // NANO
    return value


def exact_size(count: int) -> int | str:
    """Bytes in the largest binary unit that divides them, so that it reads back to the same number."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return count
