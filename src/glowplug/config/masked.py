"""The text of a configuration file for somebody's screen: secrets that are written out in it are masked, and put back
into what comes from there.

A mask stands for the secret that is in the file at the same place.  A key that is written out anew is refused: a file
that goes over the wire names its secrets (`secret:NAME`, `${VARIABLE}`, `file:/path`).  Variables and headers, which
may hold one, are masked too, and new ones are taken where their name sounds harmless.  Comments are shown as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec.inspect as shape

from glowplug.config.lines import Path, Unreadable, dotted, read_tree
from glowplug.config.marks import Mark, read_marks
from glowplug.config.schema import Config
from glowplug.config.secrets import harmless
from glowplug.config.shapes import shape_of
from glowplug.config.show import HIDDEN
from glowplug.errors import ConfigError, Problem
from glowplug.secret import Secret

_ANY: Final = "*"
"""In a place: any name of a section, any item of a list."""
_MASK: Final = json.dumps(HIDDEN)
_SOUNDS_SECRET: Final = re.compile(r"(?:^|[_-])(?:key|secret|token|password|passwd|authorization)$", re.IGNORECASE)
"""Names of fields that are none of ours, or are misspelt."""
_PLAIN_WORD: Final = re.compile(r"true|false|null|[0-9.]*", re.IGNORECASE)
_ANCHORED: Final = re.compile(r"(?:[&!]\S*\s+)*")
_HINT: Final = "store it with `glowplug secrets set NAME` and write secret:NAME here"


@dataclass(frozen=True)
class Masked:
    """A text without the secrets that are written out in it."""

    text: str
    places: tuple[str, ...] = ()
    """Settings that are masked (`providers.openai.api_key`)."""


@dataclass(frozen=True)
class _Found:
    """A secret that is written out, at its scalar in the text."""

    at: Path
    value: str
    start: int
    end: int
    key: bool
    """It is one, not only something that may be."""


def masked(text: str) -> Masked:
    """The text with a mask for each secret.  Raises ConfigError for a text that is no YAML: nobody knows then what in
    it is a secret."""
    found = _written_out(text)
    return Masked(_replaced(text, [(one, _MASK) for one in found]), tuple(dict.fromkeys(dotted(f.at) for f in found)))


def unmasked(text: str, before: str) -> str:
    """`text` with the secrets of `before` in the place of their masks.  Raises ConfigError for a mask that stands for
    nothing, and for a secret that is written out and was not there."""
    there = {one.at: one for one in _written_out(before)}
    changes: list[tuple[_Found, str]] = []
    problems: list[Problem] = []
    for one in _written_out(text):
        line = text.count("\n", 0, one.start) + 1
        old = there.get(one.at)
        if one.value == HIDDEN and old is not None:
            changes.append((one, _source(before, old)))
        elif one.value == HIDDEN:
            what = f"{HIDDEN} stands for a secret, and there is none at this place of the file"
            problems.append(Problem(dotted(one.at), what, line=line, hint=_HINT))
        elif one.key and (old is None or old.value != one.value):
            problems.append(Problem(dotted(one.at), "a secret is not written into the file", line=line, hint=_HINT))
    if problems:
        raise ConfigError(f"the text cannot be written: {problems[0]}", tuple(problems))
    return _replaced(text, changes)


def _source(text: str, one: _Found) -> str:
    """As it is written there, in one line."""
    written = text[one.start : one.end]
    return json.dumps(one.value, ensure_ascii=False) if "\n" in written else written


def _replaced(text: str, changes: list[tuple[_Found, str]]) -> str:
    parts, position = [], 0
    for one, new in sorted(changes, key=lambda change: change[0].start):
        if one.start >= position:  # a secret that several places refer to is there once
            parts += [text[position : one.start], new]
            position = one.end
    return "".join([*parts, text[position:]])


# ---- where secrets are


def _written_out(text: str) -> list[_Found]:
    try:
        read_tree(text.encode())  # bounds what is read again below
    except Unreadable as error:
        raise ConfigError(f"the text cannot be read: {error.problem}", (error.problem,)) from None
    root = read_marks(text)
    patterns = dict(_places(shape_of(Config), (), False))
    found = []
    for at, mark in _scalars(root, ()) if root is not None else ():
        value = mark.text or ""
        ours, sounds = _ours(at, patterns), _sounds_secret(at, value)
        if not value or harmless(value) or not (ours or sounds):
            continue
        written = text[mark.start : mark.end]
        start = mark.start + len(_anchor(written))
        end = mark.end - (len(written) - len(written.rstrip()))
        found.append(_Found(at, value, start, end, key=sounds or not all(patterns[one] for one in ours)))
    return found


def _anchor(written: str) -> str:
    match = _ANCHORED.match(written)
    return match[0] if match is not None else ""


def _scalars(mark: Mark, at: Path) -> Iterator[tuple[Path, Mark]]:
    here = mark.itself()
    if here.text is not None:
        yield at, here
    for number, item in enumerate(here.items or ()):
        yield from _scalars(item, (*at, number))
    if here.entries is not None:
        for key, value in mark.all_entries():
            yield from _scalars(value, (*at, key.itself().text or ""))


def _ours(at: Path, patterns: Iterable[Path]) -> list[Path]:
    """The declared places that this is one of."""
    return [p for p in patterns if len(p) == len(at) and all(a in (_ANY, b) for a, b in zip(p, at, strict=True))]


def _sounds_secret(at: Path, value: str) -> bool:
    name = str(at[-1]) if at else ""
    return len(at) > 1 and bool(_SOUNDS_SECRET.search(name)) and not _PLAIN_WORD.fullmatch(value)


def _places(kind: shape.Type, at: Path, loose: bool) -> Iterator[tuple[Path, bool]]:
    """Where the declarations have secrets, and whether they are only something that may be one."""
    match kind:
        case shape.Metadata():
            yield from _places(kind.type, at, loose or bool((kind.extra or {}).get("loose")))
        case shape.UnionType():
            for one in kind.types:
                yield from _places(one, at, loose)
        case shape.StructType():
            for field in kind.fields:
                yield from _places(field.type, (*at, field.encode_name), False)
        case shape.DictType():
            yield from _places(kind.value_type, (*at, _ANY), False)
        case shape.ListType() | shape.VarTupleType():
            yield from _places(kind.item_type, (*at, _ANY), False)
        case shape.CustomType() if kind.cls is Secret:
            yield at, loose
