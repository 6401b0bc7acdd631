"""`managed.yaml`: what was added through an API, a second layer beneath the configuration file.

It has four of the file's sections, and of a provider or model only what may be said from afar: no program, no free
arguments, no environment, no reference to variables or files.  The configuration file wins where both have a name, and
an entry that cannot be used is left out by itself: nothing in this layer takes a model of the file away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from glowplug.config.lines import Mapping as Tree
from glowplug.config.lines import Node, Scalar, Sequence, Unreadable, dotted, read_tree
from glowplug.config.lines import Path as Place
from glowplug.config.nearest import did_you_mean
from glowplug.config.providers import CREDENTIALS
from glowplug.errors import Problem

SECTIONS: Final = ("providers", "models", "aliases", "groups")
CLOSED: Final = frozenset(
    ("command", "args", "env", "launcher", "image", "unit", "ready", "stop", "port", "memory_max")
)
"""Settings of a model that belong in the configuration file: what is run, and how."""
SECRETS: Final = ("api_key", "access_key_id", "secret_access_key", "session_token")
_STORED = re.compile(r"secret:[A-Za-z0-9._/@-]{1,200}")
_CARRIERS = CREDENTIALS | {"proxy-authorization", "cookie", "x-goog-api-key"}

Entry = tuple[str, str]
"""(section, name)"""


@dataclass(frozen=True)
class ManagedFile:
    """Where the layer is, and how it is read."""

    path: Path
    data: bytes | None = None
    """Its text, where another than the file's is tried out."""

    @property
    def good(self) -> Path:
        """A copy of the last text that could be used."""
        return self.path.with_name(self.path.name + ".good")


@dataclass
class Layer:
    """The layer as it was read.  `entries` are those that are used; the rest is told in `problems`."""

    path: Path
    tree: Tree = field(default_factory=lambda: Tree(1))
    entries: set[Entry] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    """What is wrong in it; their `file` is this one."""
    overruled: list[Problem] = field(default_factory=list)
    """Entries that the configuration file has too."""

    def drop(self, entries: Set[Entry]) -> None:
        self.entries -= entries

    def over(self, root: Tree) -> Tree:
        """A tree of `root` with the entries beneath; `root` itself is left as it is."""
        merged = Tree(root.line, dict(root.entries))
        for section in SECTIONS:
            names = [name for kind, name in sorted(self.entries, key=self._order) if kind == section]
            line, node = merged.entries.get(section, (0, Tree(0) if names else Scalar(0, "")))
            if names and isinstance(node, Scalar) and node.value is None:
                node = Tree(line)
            if not isinstance(node, Tree):
                continue  # nothing there, or the file's own mistake, which is told there
            mine = self._section(section).entries if names else {}
            merged.entries[section] = (line, Tree(node.line, {**node.entries, **{name: mine[name] for name in names}}))
        return merged

    def settle(self, root: Tree) -> None:
        """Take out the entries whose name the file has, as a model or as an alias too."""
        taken = {name for section in ("models", "aliases") for name in _names(root, section)}
        for section, name in sorted(self.entries, key=self._order):
            if name in (taken if section in ("models", "aliases") else _names(root, section)):
                self.entries.discard((section, name))
                self.overruled.append(
                    Problem(
                        dotted((section, name)),
                        "is in the configuration file too, which is what is used",
                        line=self._section(section).entries[name][0],
                        hint="remove one of the two",
                        file=str(self.path),
                    )
                )

    def blamed(self, problems: list[Problem]) -> dict[Entry, list[Problem]]:
        """Problems that lie in entries of this layer, by entry."""
        prefixes = {dotted(entry): entry for entry in self.entries}
        found: dict[Entry, list[Problem]] = {}
        for problem in problems:
            entry = next((prefixes[start] for start in _starts(problem.path) if start in prefixes), None)
            if entry is not None:
                found.setdefault(entry, []).append(self.mark(problem))
        return found

    def mark(self, problem: Problem) -> Problem:
        """The same, said to be in this file."""
        return Problem(problem.path, problem.message, line=problem.line, hint=problem.hint, file=str(self.path))

    def mark_all(self, problems: list[Problem]) -> list[Problem]:
        """Those of this layer marked, the others as they are."""
        prefixes = {dotted(entry) for entry in self.entries}
        return [self.mark(p) if any(start in prefixes for start in _starts(p.path)) else p for p in problems]

    def _section(self, section: str) -> Tree:
        node = self.tree.entries[section][1]
        assert isinstance(node, Tree)
        return node

    def _order(self, entry: Entry) -> tuple[int, int, str]:
        section, name = entry
        return SECTIONS.index(section), self._section(section).entries[name][0], name


def _starts(path: str) -> Iterator[str]:
    """Everything a dotted path begins with, itself included."""
    yield path
    for place, sign in enumerate(path):
        if sign in ".[" and place:
            yield path[:place]


def _names(root: Tree, section: str) -> Mapping[str, object]:
    node = root.entries.get(section, (0, None))[1]
    return node.entries if isinstance(node, Tree) else {}


def read_layer(file: ManagedFile) -> Layer:
    """The layer in `file`.  A text that is no YAML is put aside for the copy of the last good one."""
    layer = Layer(file.path)
    data = file.data if file.data is not None else _bytes(file.path, layer)
    if data is None:
        return layer
    try:
        tree, problems = read_tree(data)
    except Unreadable as error:
        layer.problems.append(layer.mark(error.problem))
        copy = _bytes(file.good, layer)
        if copy is None:
            return layer
        try:
            tree, problems = read_tree(copy)
        except Unreadable:
            return layer
        layer.problems.append(Problem("", f"the last good copy, {file.good}, is used instead", file=str(file.path)))
    layer.tree = tree
    layer.problems += [layer.mark(problem) for problem in problems]
    for section, (line, node) in tree.entries.items():
        _take(layer, section, line, node)
    return layer


def _bytes(path: Path, layer: Layer) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        layer.problems.append(Problem("", f"cannot be read: {error.strerror}", file=str(path)))
        return None


def _take(layer: Layer, section: str, line: int, node: Node) -> None:
    """Note the entries of one section."""
    if isinstance(node, Scalar) and node.value is None:
        return
    if section not in SECTIONS or not isinstance(node, Tree):
        hint = did_you_mean(section, SECTIONS, "it has") if section not in SECTIONS else "write `name: settings`"
        layer.problems.append(Problem(section, "cannot be here", line=line, hint=hint, file=str(layer.path)))
        return
    for name, (_, entry) in node.entries.items():
        found = list(_refused(section, (section, name), entry))
        layer.problems += [
            Problem(dotted(at), message, line=where, hint=hint, file=str(layer.path))
            for at, where, message, hint in found
        ]
        if not found:
            layer.entries.add((section, name))


def _refused(section: str, at: Place, entry: Node) -> Iterator[tuple[Place, int, str, str]]:
    """What an entry has that only the configuration file may say."""
    for path, value in _leaves(entry, at):
        if "${" in value.text:
            yield path, value.line, "refers to a variable", "only the configuration file may; write the value"
    if not isinstance(entry, Tree):
        return
    if section == "models":
        for name in CLOSED & set(entry.entries):
            hint = "only the configuration file may say what is run and how"
            yield (*at, name), entry.entries[name][0], "cannot be set here", hint
    if section == "providers":
        yield from _secrets(at, entry)


def _secrets(at: Place, entry: Tree) -> Iterator[tuple[Place, int, str, str]]:
    for name in SECRETS:
        line, value = entry.entries.get(name, (0, None))
        if isinstance(value, Scalar) and value.value is not None and not _STORED.fullmatch(value.text):
            yield (*at, name), line, "must be secret:NAME", "glowplug secrets set NAME stores it sealed"
    headers = entry.entries.get("headers", (0, None))[1]
    for name, (line, value) in headers.entries.items() if isinstance(headers, Tree) else ():
        if name.lower() in _CARRIERS:
            yield (*at, "headers", name), line, "would be a secret in a plain file", "use api_key: secret:NAME"
        elif isinstance(value, Scalar) and value.text.startswith("file:"):
            yield (*at, "headers", name), line, "refers to a file", "only the configuration file may"


def _leaves(node: Node, at: Place) -> Iterator[tuple[Place, Scalar]]:
    match node:
        case Scalar():
            yield at, node
        case Sequence():
            for number, item in enumerate(node.items):
                yield from _leaves(item, (*at, number))
        case _:
            for name, (_, item) in node.entries.items():
                yield from _leaves(item, (*at, name))
