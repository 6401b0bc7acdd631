"""Entries put into, taken out of and renamed in the text of a configuration file; pure.

A person's file stays theirs: comments, order and style are kept, everything that is not named stays as it is to the
byte, and an entry that is there is never changed.  The text is cut and joined where `glowplug.config.marks` says;
every result is read again and must say exactly what was wanted, else ConfigError is raised and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from glowplug.config.lines import dotted, printable
from glowplug.config.marks import Mark, read_marks
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict
from glowplug.config.writers.yaml_text import flow, scalar, yaml_text
from glowplug.errors import ConfigError

_OURS: Final = "  # added by Glowplug"
"""Behind the name of a section that was not there; it goes when its last entry goes."""
_WIDTH: Final = 100
_NAMING: Final = ("targets", "fallback", "on_context", "on_content")
"""What of an alias names models and aliases, besides `weights`."""
_WHAT: Final = "the configuration"
_HINT: Final = "edit the file by hand, or write that part of it in block style, one entry a line"


class Did(StrEnum):
    """What became of one entry."""

    ADDED = "added"
    SAME = "same"
    """It is there and says the same: nothing was to do."""
    CONFLICT = "conflict"
    """Something else is there under this name, which stays as it is."""
    REMOVED = "removed"
    RENAMED = "renamed"
    ABSENT = "absent"
    """There is nothing of this name."""


@dataclass(frozen=True)
class Entry:
    """One entry that is wanted: `models` / `chat-gpt-openai` / what it says."""

    section: str
    name: str
    value: Value
    comment: str = ""
    """Where it comes from; stands behind its name."""


@dataclass(frozen=True)
class Edited:
    """A text, edited or, for CONFLICT, SAME and ABSENT, as it was."""

    text: str
    did: Did
    why: str = ""
    """Of a conflict, a sentence without its end."""
    places: tuple[str, ...] = ()
    """Settings that were touched (`aliases.chat.targets`)."""


def put(text: str, section: str, name: str, entry: Value, comment: str = "") -> Edited:
    """`text` with an entry in a section, behind those there are.  Raises ConfigError."""
    new, (did,) = put_all(text, [Entry(section, name, entry, comment)])
    why = f"{dotted((section, name))} is there and says something else" if did is Did.CONFLICT else ""
    return Edited(new, did, why, (dotted((section, name)),) if did is Did.ADDED else ())


def put_all(text: str, entries: Sequence[Entry]) -> tuple[str, tuple[Did, ...]]:
    """`text` with entries, and what became of each.  Raises ConfigError."""
    file = _File(text)
    wanted = dict(file.values)
    added: dict[str, list[Entry]] = {}
    outcome: list[Did] = []
    for entry in entries:
        there = as_dict(wanted.get(entry.section))
        if entry.name in there:
            outcome.append(Did.SAME if same(there[entry.name], entry.value) else Did.CONFLICT)
            continue
        if not isinstance(wanted.get(entry.section), (dict, type(None))):
            raise _cannot(f"`{printable(entry.section)}` is not a section with names in it")
        wanted[entry.section] = {**there, entry.name: entry.value}
        added.setdefault(entry.section, []).append(entry)
        outcome.append(Did.ADDED)
    for section, new in added.items():
        file.add(section, new)
    return file.result(wanted), tuple(outcome)


def remove(text: str, section: str, name: str) -> Edited:
    """`text` without an entry; its own lines go with it, comments around them stay.  Raises ConfigError."""
    file = _File(text)
    there = as_dict(file.values.get(section))
    if name not in there:
        return Edited(text, Did.ABSENT, f"there is no {dotted((section, name))}")
    left: Value = {key: value for key, value in there.items() if key != name}
    whole = file.drop(section, name)
    wanted = {key: left if key == section else value for key, value in file.values.items()}
    if whole:
        del wanted[section]
    return Edited(file.result(wanted), Did.REMOVED, places=(dotted((section, name)),))


def rename(text: str, old: str, new: str) -> Edited:
    """`text` with a model or alias called `new` wherever `old` was named.  Raises ConfigError."""
    file = _File(text)
    models, aliases = as_dict(file.values.get("models")), as_dict(file.values.get("aliases"))
    if new in models or new in aliases:
        taken = dotted(("models" if new in models else "aliases", new))
        return Edited(text, Did.CONFLICT, f"{taken} is there already")
    if old not in models and old not in aliases:
        return Edited(text, Did.ABSENT, f"there is no model or alias {printable(old)!r}")
    places: list[str] = []
    wanted = _renamed(file.values, old, new, places)
    file.rename(old, new)
    return Edited(file.result(wanted), Did.RENAMED, places=tuple(places))


def same(one: Value, other: Value) -> bool:
    """Whether two values mean the same: `1` and `1.0` do, `1` and `true` do not, order counts in lists only."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _filled(values: Mapping[str, Value]) -> dict[str, Value]:
    """Without sections that have nothing in them: `models:` and `models: {}` say the same."""
    return {section: value for section, value in values.items() if value is not None and value != {}}


# ---- what a renamed file says


def _renamed(values: Mapping[str, Value], old: str, new: str, places: list[str]) -> dict[str, Value]:
    def named(value: Value, *at: str) -> Value:
        if value == old or (isinstance(value, list) and old in value):
            places.append(dotted(at))
        if isinstance(value, list):
            return [new if item == old else item for item in value]
        return new if value == old else value

    def keys(value: Value, *at: str) -> dict[str, Value]:
        if old in as_dict(value):
            places.append(dotted((*at, old)))
        return {new if key == old else key: item for key, item in as_dict(value).items()}

    out = dict(values)
    for section in ("models", "aliases"):
        if as_dict(out.get(section)):
            out[section] = keys(out[section], section)
    for section, fields in (("aliases", _NAMING), ("groups", ("members",))):
        for name, entry in as_dict(out.get(section)).items():
            entry = as_dict(entry)
            changed = {key: named(entry[key], section, name, key) for key in fields if key in entry}
            if section == "aliases" and as_dict(entry.get("weights")):
                changed["weights"] = keys(entry["weights"], section, name, "weights")
            if changed:
                out[section] = as_dict(out[section]) | {name: {**entry, **changed}}
    defaults = as_dict(out.get("defaults"))
    if "fallback" in defaults:
        out["defaults"] = {**defaults, "fallback": named(defaults["fallback"], "defaults", "fallback")}
    return out


# ---- the text


@dataclass(frozen=True)
class _Cut:
    start: int
    end: int
    text: str
    section: bool = False
    """A whole section, which goes behind what is put into the last one at the same place."""


class _File:
    """A text, and what is to be cut out of and put into it."""

    def __init__(self, text: str) -> None:
        plain = read_plain(text, _WHAT)
        if plain.repeated:
            problem = plain.repeated[0]
            raise ConfigError(f"{_WHAT}: {problem}", plain.repeated)
        self.text = text
        self.values = plain.values
        self._root = read_marks(text)
        self._cuts: list[_Cut] = []
        self._newline = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"

    def result(self, wanted: Mapping[str, Value]) -> str:
        """The text, when it says what is `wanted`."""
        parts, position = [], 0
        for cut in sorted(self._cuts, key=lambda cut: (cut.start, cut.section)):
            parts += [self.text[position : cut.start], cut.text]
            position = cut.end
        new = "".join([*parts, self.text[position:]])
        try:
            says = read_plain(new, _WHAT)
        except ConfigError:
            raise _cannot("it is written in a way that Glowplug cannot edit") from None
        if says.repeated or not same(_filled(says.values), _filled(wanted)):
            raise _cannot("it is written in a way that Glowplug cannot edit")
        return new

    # ---- adding

    def add(self, section: str, entries: Sequence[Entry]) -> None:
        key, value = self._section(section)
        if key is None or value is None:
            self._add_section(section, entries)
        elif value.empty:
            self._insert(self._line_end(key.end), self._block(entries, self._step(key.column)))
        elif value.entries is None:
            raise _cannot(f"`{section}` is written as a reference")
        elif value.flow and not value.entries and self._root is not None and not self._root.flow:
            end = self._line_end(value.end)
            if "\n" in self.text[key.end : value.end]:
                raise _cannot(f"`{section}` has an empty {{ }} over several lines")
            self._cuts.append(_Cut(value.start, value.end, ""))
            self._insert(end, self._block(entries, self._step(key.column)))
        elif value.flow:
            self._add_flow(value, ", ".join(f"{scalar(entry.name)}: {flow(entry.value)}" for entry in entries))
        else:
            end = self._line_end(value.end)
            while (line := self._line(end)).lstrip(" \t").startswith("#") and _indent(line) > key.column:
                end += len(line)
            self._insert(end, self._block(entries, value.entries[0][0].column))

    def _add_section(self, section: str, entries: Sequence[Entry]) -> None:
        root = self._root
        if root is not None and root.flow:
            inner: Value = {entry.name: entry.value for entry in entries}
            self._add_flow(root, f"{scalar(section)}: {flow(inner)}")
            return
        column = root.entries[0][0].column if root is not None and root.entries else 0
        blank = self._newline if self.text.strip("\ufeff") else ""
        head = f"{' ' * column}{scalar(section)}:{_OURS}{self._newline}"
        self._insert(len(self.text), blank + head + self._block(entries, self._step(column)), section=True)

    def _add_flow(self, mapping: Mark, text: str) -> None:
        before = self.text[mapping.start : mapping.end - 1].rstrip()
        comma = "" if before.endswith((",", "{")) else ", "
        self._cuts.append(_Cut(mapping.end - 1, mapping.end - 1, comma + text))

    def _insert(self, position: int, block: str, *, section: bool = False) -> None:
        """Whole lines; a text that does not end with a line end does not afterwards."""
        if position and not self.text[:position].endswith("\n") and self.text[:position] != "\ufeff":
            block = self._newline + block.removesuffix(self._newline)
        self._cuts.append(_Cut(position, position, block, section))

    def _block(self, entries: Sequence[Entry], column: int) -> str:
        lines: list[str] = []
        for entry in entries:
            name, *more = yaml_text({entry.name: entry.value}, short=_WIDTH - column).splitlines()
            comment = "".join(c if c.isprintable() else "?" for c in entry.comment)
            lines += [name + (f"  # {comment}" if comment else ""), *more]
        return "".join(f"{' ' * column}{line}{self._newline}" for line in lines)

    def _step(self, column: int) -> int:
        """Where entries of a section that has none begin: as in the other sections."""
        for key, value in (self._root.entries or []) if self._root is not None else []:
            if value.entries and not value.flow:
                return column + max(value.entries[0][0].column - key.column, 1)
        return column + 2

    # ---- taking out

    def drop(self, section: str, name: str) -> bool:
        """Whether the section goes too."""
        head, value = self._section(section)
        own = list(value.entries or []) if value is not None else []
        found = next((pair for pair in own if pair[0].text == name), None)
        if head is None or value is None or found is None:
            raise _cannot(f"{dotted((section, name))} comes from a reference")
        key, entry = found
        if value.flow:
            self._drop_flow(value, own, own.index(found))
            return False
        start = self._line_start(key.start)
        end = self._line_end(max(entry.end, key.end) if not entry.empty else key.end)
        if self.text[start : key.start].strip(" "):
            raise _cannot(f"{dotted((section, name))} does not begin a line")
        whole = len(own) == 1 and self.text[head.end : start].strip(" \r\n") == ":" + _OURS
        if whole:
            start = self._line_start(head.start)
            if self.text[:start].endswith("\n" + self._newline) or self.text[:start] == self._newline:
                start -= len(self._newline)
        if start and end == len(self.text) and not self.text.endswith("\n"):
            start -= 2 if self.text[:start].endswith("\r\n") else 1
        self._cuts.append(_Cut(start, end, ""))
        return whole

    def _drop_flow(self, mapping: Mark, own: list[tuple[Mark, Mark]], at: int) -> None:
        start = own[at - 1][1].end if at else mapping.start + 1
        end = own[at][1].end
        if not at and len(own) > 1:
            start, end = own[0][0].start, own[1][0].start
        self._cuts.append(_Cut(start, end, ""))

    # ---- renaming

    def rename(self, old: str, new: str) -> None:
        found: dict[int, Mark] = {}

        def note(mark: Mark) -> None:
            if mark.text == old:
                found[mark.start] = mark

        sections = {name: value for name in ("models", "aliases", "groups", "defaults") if (value := self._of(name))}
        for name in ("models", "aliases"):
            for key, _ in sections[name].all_entries() if name in sections else ():
                note(key)
        for name, fields in (("aliases", _NAMING), ("groups", ("members",))):
            for _, entry in sections[name].all_entries() if name in sections else ():
                for value in filter(None, map(entry.of, fields)):
                    for mark in value.scalars():
                        note(mark)
                weights = entry.of("weights") if name == "aliases" else None
                for key, _ in weights.all_entries() if weights is not None else ():
                    note(key)
        everybody = sections["defaults"].of("fallback") if "defaults" in sections else None
        for mark in everybody.scalars() if everybody is not None else ():
            note(mark)
        for mark in found.values():
            self._replace(mark, old, new)

    def _replace(self, mark: Mark, old: str, new: str) -> None:
        written = self.text[mark.start : mark.end]
        at = written.rfind(old)
        if at < 0:
            raise _cannot(f"the name {printable(old)!r} is written with escapes")
        if mark.style:
            self._cuts.append(_Cut(mark.start + at, mark.start + at + len(old), new))
        else:
            self._cuts.append(_Cut(mark.start + at, mark.start + at + len(old), scalar(new)))

    # ---- places

    def _of(self, section: str) -> Mark | None:
        return self._root.of(section) if self._root is not None else None

    def _section(self, section: str) -> tuple[Mark | None, Mark | None]:
        for key, value in (self._root.entries or []) if self._root is not None else []:
            if key.text == section:
                return key, value
        return None, None

    def _line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1 or int(self.text.startswith("\ufeff"))

    def _line_end(self, position: int) -> int:
        """Behind the line in which the thing ends whose end is `position`; a block scalar ends at a line's begin."""
        if position and self.text[position - 1] == "\n":
            return position
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found + 1

    def _line(self, position: int) -> str:
        """The line that begins there, with its end."""
        found = self.text.find("\n", position)
        return self.text[position:] if found < 0 else self.text[position : found + 1]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _cannot(why: str) -> ConfigError:
    return ConfigError(f"{_WHAT} was not changed: {why}", hint=_HINT)
