"""TOML, merged into line by line: what is not named stays as it is to the byte.  Pure.

Format: https://toml.io/en/v1.0.0.  Only what is written as `key = value` and `[table]` is edited; the caller reads the
result again and compares.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping

from glowplug.config.readers.foreign import Value
from glowplug.errors import RequestError

_HEADER = re.compile(r"\s*\[")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str) -> dict[str, Value]:
    """Raises RequestError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"it is no TOML: {error}") from None


def merged(text: str, wanted: Mapping[str, Value]) -> str:
    """`text` that says what is wanted, too: single values, and tables of them.  Raises RequestError."""
    there = parse(text)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for path, values in _tables(wanted, ()):
        _put(lines, path, values, _at(there, path))
    return "".join(lines)


def _tables(wanted: Mapping[str, Value], path: tuple[str, ...]) -> list[tuple[tuple[str, ...], dict[str, Value]]]:
    """Every table with its own single values, the outermost first."""
    own: dict[str, Value] = {name: value for name, value in wanted.items() if not isinstance(value, dict)}
    found: list[tuple[tuple[str, ...], dict[str, Value]]] = [(path, own)] if own else []
    for name, value in wanted.items():
        if isinstance(value, dict):
            found += _tables(value, (*path, name))
    return found


def _at(there: Mapping[str, Value], path: tuple[str, ...]) -> Mapping[str, Value] | None:
    here: Value = dict(there)
    for name in path:
        if not isinstance(here, dict) or name not in here:
            return None
        here = here[name]
    return here if isinstance(here, dict) else None


def _put(
    lines: list[str], path: tuple[str, ...], values: Mapping[str, Value], there: Mapping[str, Value] | None
) -> None:
    start, end = _section(lines, path)
    if start < 0:
        gap = ["\n"] if lines and lines[-1].strip() else []
        head = ".".join(map(_key, path))
        lines += [*gap, f"[{head}]\n", *(_line(name, value) for name, value in values.items())]
        return
    for name, value in values.items():
        if there is not None and name in there and there[name] == value and type(there[name]) is type(value):
            continue
        at = next((i for i in range(start, end) if _names(lines[i], name)), -1)
        if at >= 0:
            lines[at] = _line(name, value)
            continue
        while end > start and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, _line(name, value))
        end += 1


def _section(lines: list[str], path: tuple[str, ...]) -> tuple[int, int]:
    """The lines of a table, behind its header; -1 where there is none."""
    headers = [i for i, line in enumerate(lines) if _HEADER.match(line)]
    if not path:
        return 0, headers[0] if headers else len(lines)
    for number, i in enumerate(headers):
        if _path(lines[i]) == path:
            return i + 1, headers[number + 1] if number + 1 < len(headers) else len(lines)
    return -1, -1


def _path(header: str) -> tuple[str, ...]:
    """What a header names; empty for a list of tables and for what only looks like one."""
    try:
        here: Value = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return ()
    names: list[str] = []
    while isinstance(here, dict) and here:
        name, here = next(iter(here.items()))
        names.append(name)
    return tuple(names) if isinstance(here, dict) else ()


def _names(line: str, name: str) -> bool:
    return re.match(rf"\s*(?:{re.escape(name)}|\"{re.escape(name)}\")\s*=", line) is not None


def _line(name: str, value: Value) -> str:
    return f"{_key(name)} = {_value(value)}\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value is None or isinstance(value, dict):
        raise RequestError("a value cannot be said in one line of TOML")
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
