"""What the pages of the admin UI ask the server for, read from their sources (`ui/src`).

A method and a path are found where they are given to one of the functions that ask (`ASKING`), and followed through
constants and small functions of the same file or an imported one. Whatever stands for a value, such as a key's id,
becomes `HOLE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

HOLE: Final = "*"
NOTHING: Final[frozenset[str]] = frozenset()
METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
ASKING: Final = re.compile(
    r"\b(?P<both>ask|send)(?:<[^()]*?>)?\((?=[\"'`\w])"
    r"|\b(?P<get>useAsk|useList|useEvery|new EventSource)(?:<[^()]*?>)?\("
    r"|\b(?P<post>enter)\("
    r"|\bhref=\{(?P<link>)(?=\w+\} download)"
    r"|=> (?P<pair>)\[(?=\"[A-Z]+\",|\w[^\]\"]*\? \"[A-Z]+\")"
)
"""Functions that ask, and pairs of a method and a path for `once` of `parts/dialog.tsx`."""
PLUMBING: Final = ("api.ts", "hooks.ts", "parts/every.ts", "parts/dialog.tsx")
"""Where those functions are: their paths are their callers'."""
_BY_POST: Final = re.compile(r"\bby: post\b")
"""An option of `useAsk`."""
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
_WORD: Final = re.compile(r"\w+")
_DEEP: Final = 8
_NOUN: Final = 2
"""Its place among the parts of a path."""


class Call(NamedTuple):
    """One place where something is asked for: how, and for what, where it is one of several.  Both are empty where it
    is not to be seen."""

    where: str
    methods: frozenset[str]
    paths: frozenset[str]


def calls(root: Path) -> list[Call]:
    """Of all sources below `root`."""
    files = sorted(file for file in root.rglob("*.ts*") if file.name != "types.ts")
    sources = {file.relative_to(root).as_posix(): file.read_text() for file in files}
    return [call for name in sources for call in _calls(_Source(name, sources))]


def written(root: Path) -> dict[str, set[str]]:
    """Every text of the sources that begins as an address of the API does, and where."""
    found: dict[str, set[str]] = {}
    for file in sorted(root.rglob("*.ts*")):
        text = file.read_text() if file.name != "types.ts" else ""
        for one in re.finditer(r"[\"'`](?=/(?:admin|auth|v1)\b)", text):
            quoted = text[one.start() : _behind(text, one.start())]
            for path in _Place(_Source(file.name, {file.name: text}), one.start(), {}).values(quoted):
                found.setdefault(path.partition("?")[0], set()).add(file.relative_to(root).as_posix())
    return found


def fits(path: str, template: str, *, open_: bool = False) -> bool:
    """Whether a path is one of those of a template of the document.  A noun may be left open, as `/admin/*/*`; with
    `open_` any part may."""
    ours, theirs = path.split("/"), template.split("/")
    return len(ours) == len(theirs) and all(
        one == other or "{" in other or (HOLE in one and (open_ or place == _NOUN))
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True))
    )


def _calls(source: _Source) -> Iterator[Call]:
    for found in ASKING.finditer(source.text):
        if found["both"] == "send" and not source.imports("send"):
            continue
        place = _Place(source, found.start(), {})
        given = split(source.text, found.end(), 2)
        if found["both"] or found["pair"] is not None:
            methods, given = place.values(given[0]), given[1:]
        else:
            posted = found["post"] or any(_BY_POST.search(part) for part in given[1:])
            methods = {"POST" if posted else "GET"}
        paths = {path.partition("?")[0] for path in (place.values(given[0]) if given else ())}
        clear = methods <= METHODS and all(path.startswith("/") for path in paths)
        if clear or source.name not in PLUMBING:
            line = source.text.count("\n", 0, found.start()) + 1
            yield Call(
                f"{source.name}:{line}", *((frozenset(methods), frozenset(paths)) if clear else (NOTHING, NOTHING))
            )


def split(text: str, at: int, most: int, between: str = ",") -> list[str]:
    """The first parts of a list that begins there, up to its end."""
    parts: list[str] = []
    begin = at
    while at < len(text) and len(parts) < most:
        if text[at] in "\"'`([{":
            at = _behind(text, at)
            continue
        ends = text[at] in ")]};"
        if ends or text.startswith(between, at):
            parts.append(text[begin:at].strip())
            begin = at + len(between)
            if ends:
                return [part for part in parts if part]
            at = begin
        else:
            at += 1
    if at >= len(text) and begin < at:
        parts.append(text[begin:].strip())
    return parts


def _behind(text: str, at: int) -> int:
    """Behind the string or the bracket that begins there."""
    opening = text[at]
    closing = _CLOSING.get(opening, opening)
    at += 1
    while at < len(text) and text[at] != closing:
        if text[at] == "\\":
            at += 2
        elif opening == "`" and text.startswith("${", at):
            at = _behind(text, at + 1)
        elif opening in _CLOSING and text[at] in "\"'`([{":
            at = _behind(text, at)
        else:
            at += 1
    return at + 1


class _Source:
    """One file among all of them."""

    def __init__(self, name: str, sources: Mapping[str, str]) -> None:
        self.name = name
        self.text = sources[name]
        self._sources = sources

    def imports(self, word: str) -> re.Match[str] | None:
        """Where it takes a name from."""
        return re.search(rf"import [^;]*\b{word}\b[^;]*from \"(\.[^\"]+)\"", self.text)

    def defined(self, word: str, at: int) -> tuple[_Source, int] | None:
        """Where a name that is used at `at` is given its value: the last place before it, else the first."""
        places = [
            one.end() for one in re.finditer(rf"\b(?:const {word}\b[^=;\n]*= |function {word}(?=[<(]))", self.text)
        ]
        if places:
            return self, max((place for place in places if place <= at), default=places[0])
        found = self.imports(word)
        if found is None:
            return None
        folder = PurePosixPath(self.name).parent
        path = PurePosixPath(*_normal((folder / found[1]).parts)).as_posix()
        name = next((name for name in (f"{path}.ts", f"{path}.tsx") if name in self._sources), None)
        return None if name is None else _Source(name, self._sources).defined(word, 0)


def _normal(parts: Sequence[str]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        else:
            found.append(part)
    return found


class _Place(NamedTuple):
    """Where an expression stands, and what the parameters of the function around it are."""

    source: _Source
    at: int
    given: Mapping[str, set[str]]
    deep: int = 0

    def values(self, text: str) -> set[str]:
        """What an expression can be; HOLE for what is not to be seen."""
        text = text.strip()
        asked = split(text, 0, 2, " ? ")
        if self.deep > _DEEP:
            return {HOLE}
        if len(asked) > 1:
            return set().union(*(self.values(one) for one in split(asked[1], 0, 2, " : ")))
        added = split(text, 0, 9, " + ")
        if len(added) > 1:
            return self._joined([self.values(one) for one in added])
        if text[:1] and text[0] in "\"'`(" and _behind(text, 0) == len(text):
            return self._quoted(text)
        word = _WORD.match(text)
        rest = text[word.end() :] if word else ""
        if word is None or (rest and not (rest[0] == "(" and _behind(rest, 0) == len(rest))):
            return {HOLE}
        return self._named(word[0], split(rest, 1, 9) if rest else None)

    def _quoted(self, text: str) -> set[str]:
        if text[0] == "(":
            return self.values(text[1:-1])
        if text[0] != "`":
            return {text[1:-1]}
        parts: list[set[str]] = []
        at = begin = 1
        while at < len(text) - 1:
            if text.startswith("${", at):
                end = _behind(text, at + 1)
                parts += [{text[begin:at]}, self.values(text[at + 2 : end - 1])]
                at = begin = end
            else:
                at += 1
        return self._joined([*parts, {text[begin:-1]}])

    def _joined(self, parts: Sequence[set[str]]) -> set[str]:
        return {"".join(one) for one in product(*parts)}

    def _named(self, word: str, arguments: list[str] | None) -> set[str]:
        if word in ("null", "undefined"):
            return set()
        if word == "at" and arguments:
            return self.values(arguments[0])
        if word in self.given and arguments is None:
            return self.given[word]
        found = self.source.defined(word, self.at)
        if found is None:
            return {HOLE}
        source, at = found
        text = source.text
        names: list[str] = []
        head = re.compile(r"(?:<[^()]*>)?(?=\()").match(text, at)
        if head and (arguments is not None or text[:at].endswith(f"function {word}")):
            names = [match[0] for one in split(text, head.end() + 1, 9) if (match := _WORD.match(one))]
            body = re.compile(r"[^{=]*(?:=> (?!\{)|\{[^}]*?\breturn )").match(text, _behind(text, head.end()))
            if body is None:
                return {HOLE}
            at = body.end()
        given = dict(zip(names, (self.values(one) for one in arguments or ()), strict=False))
        [value] = split(text, at, 1) or [HOLE]
        return _Place(source, at, given, self.deep + 1).values(value)
