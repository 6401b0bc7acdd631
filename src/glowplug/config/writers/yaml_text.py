"""Plain values as YAML text that means the same to readers of YAML 1.1 and of 1.2."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from glowplug.config.lines import plain_value
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import words_1_1

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(value: Value, *, short: int = 0) -> str:
    """Block style, two spaces a level; ends with a line end.

    A list of single values stands in one line where that has at most `short` characters; 0: never.
    """
    return "\n".join(_lines(value, "", short)) + "\n"


def flow(value: Value) -> str:
    """All of a value in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Value) -> str:
    """One value in one line; an empty collection too."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case str():
            return _text(value)
        case dict():
            return "{}"
        case _:
            return "[]"


def _float(value: float) -> str:
    """Without an exponent: `3e-06` is a text to PyYAML."""
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and isinstance(words_1_1(text), str) and isinstance(plain_value(text), str):
        return text
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _lines(value: Value, indent: str, short: int) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            line = f"{indent}{scalar(key)}:"
            if not item or not isinstance(item, (dict, list)):
                yield f"{line} {scalar(item)}"
            elif _fits(item, short - len(line)):
                yield f"{line} {flow(item)}"
            else:
                yield line
                yield from _lines(item, f"{indent}  ", short)
    elif isinstance(value, list) and value:
        for item in value:
            first, *rest = _lines(item, "", short - len(indent) - 2 if short else 0)
            yield f"{indent}- {first}"
            yield from (f"{indent}  {line}" for line in rest)
    else:
        yield f"{indent}{scalar(value)}"


def _fits(value: Value, width: int) -> bool:
    if not isinstance(value, list) or any(isinstance(item, (dict, list)) for item in value):
        return False
    return len(flow(value)) < width
