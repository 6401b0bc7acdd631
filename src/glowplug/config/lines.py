"""YAML text → a small tree in which every key and value knows its line.

The tree is built from the parser's events, not by its constructor: that keeps line numbers, sees duplicate keys,
never makes objects named by the text, and lets depth and size be bounded while reading.  An alias shares the node of
its anchor; what all aliases together would expand to is counted, so that a "YAML bomb" is refused before it is walked.
Plain scalars are read by the YAML 1.2 core schema (`no`, `on` and `1_000` are text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from glowplug.errors import Problem

MAX_BYTES = 4 << 20
MAX_NODES = 50_000
MAX_DEPTH = 32

Value = bool | int | float | str | None
Step = str | int
Path = tuple[Step, ...]

_INT = re.compile(r"[-+]?[0-9]{1,30}|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(slots=True)
class Scalar:
    """One value.  `variable` names the environment variable that replaced what the file says, if one did."""

    line: int
    text: str
    quoted: bool = False
    variable: str = ""

    @property
    def value(self) -> Value:
        return self.text if self.quoted else plain_value(self.text)


@dataclass(slots=True)
class Sequence:
    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    line: int
    entries: dict[str, tuple[int, Node]] = field(default_factory=dict)
    """Key → the key's line and the value."""


Node = Scalar | Sequence | Mapping


class Unreadable(Exception):
    """The text is not YAML that can be walked; carries the one problem."""

    def __init__(self, message: str, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem("", message, line=line, hint=hint)


def dotted(path: Path) -> str:
    """`models.chat.targets[0]`; a name with a dot in it is written `models["chat-3.1"]`."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step and not re.search(r"[^A-Za-z0-9_/:@-]", step):
            out += f".{step}" if out else step
        else:
            out += f'["{printable(step)}"]'
    return out


def printable(text: str, longest: int = 80) -> str:
    """`text` without control characters or quotes, shortened, for a message."""
    clean = "".join(c if c.isprintable() and c != '"' else "?" for c in text[: longest + 1])
    return clean if len(clean) <= longest else clean[:longest] + "…"


def plain_value(text: str) -> Value:
    """What an unquoted scalar means (YAML 1.2 core schema, chapter 10.3)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if len(text) <= 100 and _FLOAT.fullmatch(text):
        return float(text)
    return text


def read_tree(data: bytes, *, last_wins: bool = False) -> tuple[Mapping, list[Problem]]:
    """The tree in `data`, and problems that do not stop the reading (duplicate keys and the like).

    Raises Unreadable.  An empty text is an empty mapping.  Of two equal names the first stands, or with `last_wins` the
    last, as in what is read by PyYAML.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the file has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable("the file is not UTF-8 text", line, "save it as UTF-8") from None
    builder = _Builder(last_wins)
    for event in _events(text):
        builder.take(event)
    root = builder.root
    if root is None or (isinstance(root, Scalar) and root.value is None):
        return Mapping(1), builder.problems
    if not isinstance(root, Mapping):
        raise Unreadable("the file must hold settings, `name: value`", root.line, "see docs/configuration.md")
    return root, builder.problems


def _events(text: str) -> Iterator[Any]:
    """Parser events; everything the parser raises becomes Unreadable."""
    from ruamel.yaml import YAML  # here: it costs a tenth of a second, and most commands never read YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    parser = YAML(typ="safe", pure=True)
    try:
        yield from parser.parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # Only the parser's own words: its full message quotes the text around the place, where a secret may stand.
        what = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 0
        around = text.split("\n")[line - 1] if 0 < line <= text.count("\n") + 1 else ""
        hint = 'inside { } or [ ] put it in quotes: "${NAME}"' if "${" in around else ""
        raise Unreadable(f"this is not YAML: {printable(what, 200)}", line, hint) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(f"the character U+{ord(text[error.position]):04X} is not allowed here", line) from None
    except YAMLError:
        raise Unreadable("this is not YAML") from None
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, AssertionError, RecursionError):
        # Malformed escapes and directives leave the parser as whatever its code ran into (`"\UFFFFFFFF"`).
        raise Unreadable("this is not YAML: an escape or directive in it has no meaning") from None


class _Frame:
    """A collection that is being read."""

    __slots__ = ("anchor", "key", "key_line", "merges", "node", "size")

    def __init__(self, node: Sequence | Mapping, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: str | None = None
        self.key_line = 0
        self.merges: list[tuple[int, Node]] = []
        self.size = 1


class _Builder:
    """Events in, tree out."""

    def __init__(self, last_wins: bool = False) -> None:
        self.root: Node | None = None
        self._last_wins = last_wins
        self.problems: list[Problem] = []
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._seen = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        self._seen += 1
        if self._seen > 3 * MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES} names and values", line)
        match kind:
            case "ScalarEvent":
                self._untagged(event, line)
                self._add(Scalar(line, event.value, quoted=not event.implicit[0]), 1, event.anchor)
            case "MappingStartEvent" | "SequenceStartEvent":
                self._untagged(event, line)
                if len(self._stack) >= MAX_DEPTH:
                    raise Unreadable(f"nested more than {MAX_DEPTH} deep", line)
                opened = Mapping(line) if kind == "MappingStartEvent" else Sequence(line)
                self._stack.append(_Frame(opened, event.anchor))
            case "MappingEndEvent" | "SequenceEndEvent":
                frame = self._stack.pop()
                self._merge(frame)
                self._add(frame.node, frame.size, frame.anchor)
            case "AliasEvent":
                if event.anchor not in self._anchors:
                    raise Unreadable(f"*{printable(event.anchor)} stands for nothing above it", line)
                node, size = self._anchors[event.anchor]
                self._add(_moved(node, line), size, None)
            case "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise Unreadable("a second document begins here", line, "keep everything in one, without `---`")

    def _untagged(self, event: Any, line: int) -> None:
        if getattr(event, "ctag", None):
            raise Unreadable(f"the tag {printable(str(event.tag))} has no meaning here", line, "remove it")

    def _add(self, node: Node, size: int, anchor: str | None) -> None:
        if size > MAX_NODES:
            raise Unreadable(f"more than {MAX_NODES} names and values, aliases counted in full", node.line)
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.size += size
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            if not isinstance(node, Scalar):
                raise Unreadable("a name must be a single word, not a list or mapping", node.line)
            frame.key, frame.key_line = node.text, node.line
        else:
            self._entry(frame, frame.node, node)

    def _entry(self, frame: _Frame, mapping: Mapping, node: Node) -> None:
        key, line = frame.key or "", frame.key_line
        frame.key = None
        if key == "<<":
            frame.merges.append((line, node))
        elif key in mapping.entries:
            path = dotted((*self._where(), key))
            first = mapping.entries[key][0]
            self.problems.append(
                Problem(path, f"this name was already given in line {first}", line=line, hint="keep one of the two")
            )
            if self._last_wins:
                mapping.entries[key] = (line, node)
        else:
            mapping.entries[key] = (line, node)

    def _where(self) -> Path:
        return tuple(len(f.node.items) if isinstance(f.node, Sequence) else f.key or "" for f in self._stack[:-1])

    def _merge(self, frame: _Frame) -> None:
        """Fill in what `<<: *other` brings; what stands in the mapping itself wins, then the earlier one."""
        if not isinstance(frame.node, Mapping):
            return
        for line, given in frame.merges:
            for source in given.items if isinstance(given, Sequence) else [given]:
                if not isinstance(source, Mapping):
                    raise Unreadable("<< takes a mapping, or a list of mappings", line, "write `<<: *anchor`")
                for key, entry in source.entries.items():
                    frame.node.entries.setdefault(key, entry)


def _moved(node: Node, line: int) -> Node:
    """The anchor's node as seen at the alias: a scalar is reported at the line where it is used."""
    return Scalar(line, node.text, node.quoted) if isinstance(node, Scalar) else node
