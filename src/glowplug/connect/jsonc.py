"""JSON as editors allow it (comments, a comma too many), merged into without touching anything else.  Pure.

The text is cut and joined where values begin and end.  Format: https://code.visualstudio.com/docs/languages/json, which
says what `settings.json` may have beyond RFC 8259.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Value
from glowplug.errors import RequestError

_SKIP = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[-+.\w]+")
_DEEPEST = 100


@dataclass(slots=True)
class Node:
    """A value, and where it stands."""

    start: int
    end: int = 0
    value: Value = None
    members: dict[str, Node] = field(default_factory=dict)
    """Of an object; of two members of one name the last, as every reader has it."""
    last: int = 0
    """Where the last member of an object ends, 0 when there is none."""


def parse(text: str) -> Node:
    """The value in a text; nothing at all is an empty object.  Raises RequestError."""
    if not _SKIP.sub("", text.removeprefix("\ufeff")).strip():
        return Node(len(text), len(text), {})
    reader = _Reader(text)
    start = reader.skip(int(text.startswith("\ufeff")))
    root = reader.value(start, 0)
    if reader.skip(root.end) != len(text):
        raise _broken(text, root.end)
    return root


def merged(text: str, wanted: Mapping[str, Value]) -> str:
    """`text` that says what is wanted, too.  Raises RequestError for a text that is no JSON object."""
    root = parse(text)
    if not isinstance(root.value, dict):
        raise RequestError("it is no JSON object")
    if root.start == root.end:
        lead = text if not text or text.endswith("\n") else text + "\n"
        return lead + json.dumps(dict(wanted), indent=2, ensure_ascii=False) + "\n"
    cuts: list[tuple[int, int, str]] = []
    _merge(text, root, wanted, _step(text), cuts)
    parts, position = [], 0
    for start, end, new in sorted(cuts, key=lambda cut: cut[:2]):
        parts += [text[position:start], new]
        position = end
    return "".join([*parts, text[position:]])


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def skip(self, position: int) -> int:
        found = _SKIP.match(self._text, position)
        assert found is not None
        return found.end()

    def value(self, start: int, depth: int) -> Node:
        text, here = self._text, self._text[start : start + 1]
        if depth > _DEEPEST:
            raise RequestError("it is nested too deeply")
        if here == "{":
            return self._object(start, depth)
        if here == "[":
            return self._array(start, depth)
        found = (_STRING if here == '"' else _WORD).match(text, start)
        if found is None:
            raise _broken(text, start)
        try:
            return Node(start, found.end(), json.loads(found.group()))
        except ValueError:
            raise _broken(text, start) from None

    def _object(self, start: int, depth: int) -> Node:
        node, values = Node(start), {}
        position = self.skip(start + 1)
        while self._text[position : position + 1] != "}":
            key = _STRING.match(self._text, position)
            if key is None:
                raise _broken(self._text, position)
            colon = self.skip(key.end())
            if self._text[colon : colon + 1] != ":":
                raise _broken(self._text, colon)
            child = self.value(self.skip(colon + 1), depth + 1)
            name = json.loads(key.group())
            node.members[name], values[name], node.last = child, child.value, child.end
            position = self._comma(child.end, "}")
        node.end, node.value = position + 1, values
        return node

    def _array(self, start: int, depth: int) -> Node:
        values: list[Value] = []
        position = self.skip(start + 1)
        while self._text[position : position + 1] != "]":
            child = self.value(position, depth + 1)
            values.append(child.value)
            position = self._comma(child.end, "]")
        return Node(start, position + 1, values)

    def _comma(self, position: int, close: str) -> int:
        position = self.skip(position)
        here = self._text[position : position + 1]
        if here == ",":
            return self.skip(position + 1)
        if here != close:
            raise _broken(self._text, position)
        return position


def _merge(text: str, node: Node, wanted: Mapping[str, Value], step: str, cuts: list[tuple[int, int, str]]) -> None:
    outer = _indent(text, node.start)
    new: list[str] = []
    first = next(iter(node.members.values()), None)
    wide = first is None or "\n" in text[node.start : first.start]
    inner = _indent(text, first.start) if first is not None and wide else outer + step
    for name, value in wanted.items():
        child = node.members.get(name)
        if child is None:
            new.append(f"{json.dumps(name, ensure_ascii=False)}: {_written(value, inner, step)}")
        elif isinstance(value, dict) and isinstance(child.value, dict):
            _merge(text, child, value, step, cuts)
        elif not _same(child.value, value):
            cuts.append((child.start, child.end, _written(value, inner, step)))
    if not new:
        return
    close = node.end - 1
    behind = len(text[:close].rstrip())
    joined = f",\n{inner}".join(new) if wide else ", ".join(new)
    if node.last:
        comma = _SKIP.match(text, node.last)
        assert comma is not None
        if text[comma.end()] != ",":
            cuts.append((node.last, node.last, ","))
        cuts.append((behind, behind, f"\n{inner}{joined}" if wide else f" {joined}"))
    else:
        cuts.append((behind, close, f"\n{inner}{joined}\n{outer}"))


def _written(value: Value, indent: str, step: str) -> str:
    return json.dumps(value, indent=step, ensure_ascii=False).replace("\n", "\n" + indent)


def _same(one: Value, other: Value) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _indent(text: str, position: int) -> str:
    """What the line of a position begins with."""
    line = text[text.rfind("\n", 0, position) + 1 : position]
    return line[: len(line) - len(line.lstrip())]


def _step(text: str) -> str:
    """One level, as the first line that is set in has it."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found.group(1) if found else "  "


def _broken(text: str, position: int) -> RequestError:
    return RequestError(f"it is no JSON at line {text.count(chr(10), 0, position) + 1}")
