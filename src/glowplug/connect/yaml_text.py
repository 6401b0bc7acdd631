"""YAML, merged into where the parser's marks say: what is not named stays as it is to the byte.  Pure.

Only names at the top and entries of lists in block style are edited; the caller reads the result again and compares.
"""

from __future__ import annotations

from collections.abc import Mapping

from glowplug.config.marks import Mark, read_marks
from glowplug.config.readers.foreign import Value
from glowplug.config.writers.yaml_text import scalar, yaml_text
from glowplug.connect.base import Items
from glowplug.errors import RequestError

_STYLE = "it is written in a way that Glowplug cannot edit"


def parse(text: str) -> Value:
    """Raises RequestError."""
    from ruamel.yaml import YAML  # here: it costs a tenth of a second
    from ruamel.yaml.error import YAMLError

    try:
        read: Value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise RequestError(f"it is no YAML: {' '.join(str(error).split())[:200]}") from None
    return read


def merged(text: str, wanted: Mapping[str, Value | Items] | Items) -> str:
    """`text` that says what is wanted, too.  Raises RequestError."""
    there, file = parse(text), _File(text)
    root = read_marks(text)
    if isinstance(wanted, Items):
        if there is not None and not isinstance(there, list):
            raise RequestError("it is no list")
        file.upsert(root, wanted, there or [])
        return file.result()
    if there is not None and not isinstance(there, dict):
        raise RequestError("it is no mapping")
    known: dict[str, Value] = there or {}
    if root is not None and root.flow:
        raise RequestError(_STYLE)
    for name, value in wanted.items():
        key, mark = _named(root, name)
        if isinstance(value, Items):
            rows = known.get(name)
            if key is None or mark is None or mark.empty:
                file.put_list(name, key, value)
            elif isinstance(rows, list):
                file.upsert(mark, value, rows)
            else:
                raise RequestError(f"`{name}` is no list")
        elif key is None or mark is None:
            file.append(yaml_text({name: value}))
        elif known.get(name) != value:
            file.replace(key, mark, value)
    return file.result()


def _named(root: Mark | None, name: str) -> tuple[Mark | None, Mark | None]:
    """A name at the top and its value."""
    for key, value in (root.entries or []) if root is not None else []:
        if key.text == name:
            return key, value
    return None, None


class _File:
    """A text, and what is cut out of it and put in."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._cuts: list[tuple[int, int, str]] = []
        self._more: list[str] = []

    def result(self) -> str:
        parts, position = [], 0
        for start, end, new in sorted(self._cuts, key=lambda cut: cut[:2]):
            parts += [self._text[position:start], new]
            position = end
        text = "".join([*parts, self._text[position:]])
        if self._more and text and not text.endswith("\n"):
            text += "\n"
        return text + "".join(self._more)

    def append(self, lines: str) -> None:
        self._more.append(lines)

    def replace(self, key: Mark, mark: Mark, value: Value) -> None:
        if mark.text is None or mark.style in ("|", ">") or isinstance(value, (dict, list)):
            raise RequestError(_STYLE)
        if mark.empty:  # it has no place of its own
            behind = self._text.index(":", key.end) + 1
            self._cuts.append((behind, behind, f" {scalar(value)}"))
        else:
            self._cuts.append((mark.start, mark.end, scalar(value)))

    def put_list(self, name: str, key: Mark | None, items: Items) -> None:
        block = "".join(_entry(row, 2) for row in items.rows)
        if key is None:
            self.append(f"{scalar(name)}:\n{block}")
        else:
            end = self._line_end(key.end)
            self._cuts.append((end, end, ("" if self._text[:end].endswith("\n") else "\n") + block))

    def upsert(self, mark: Mark | None, items: Items, there: list[Value]) -> None:
        marks = (mark.items or []) if mark is not None else []
        if mark is not None and mark.flow and not there and "\n" not in self._text[mark.start : mark.end]:
            block = "".join(_entry(row, 2) for row in items.rows).rstrip("\n")
            self._cuts.append((mark.start, mark.end, f"\n{block}" if mark.start else block))
            return
        if mark is not None and (mark.flow or mark.items is None or len(marks) != len(there)):
            raise RequestError(_STYLE)
        column = mark.column if mark is not None else 0
        new = ""
        for row in items.rows:
            same = [i for i, one in enumerate(there) if isinstance(one, dict) and one.get(items.by) == row[items.by]]
            if not same:
                new += _entry(row, column)
            elif there[same[0]] != row:
                old = marks[same[0]]
                inner = _entry(row, old.column - 2)[old.column :].rstrip("\n")
                tail = self._text[old.start : old.end]
                self._cuts.append((old.start, old.end - (len(tail) - len(tail.rstrip())), inner))
        if not new:
            return
        if mark is None:
            self.append(new)
            return
        end = self._line_end(marks[-1].end if marks else mark.end)
        self._cuts.append((end, end, ("" if self._text[:end].endswith("\n") else "\n") + new))

    def _line_end(self, position: int) -> int:
        if position and self._text[position - 1] == "\n":
            return position
        found = self._text.find("\n", position)
        return len(self._text) if found < 0 else found + 1


def _entry(row: Mapping[str, Value], column: int) -> str:
    """One entry of a list whose dash stands in this column."""
    first, *rest = yaml_text(dict(row)).splitlines()
    inner = " " * (column + 2)
    return "".join([f"{' ' * column}- {first}\n", *(f"{inner}{line}\n" for line in rest)])
