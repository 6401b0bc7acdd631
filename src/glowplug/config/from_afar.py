"""What of the configuration file only somebody on its machine may change: whoever edits it through an API may not say
what is run and how, where models lie, which addresses get the secrets of the file, who is let in, or what is read from
variables and files.  Taking a model or a provider away is no such change.  Pure but for what `check_managed` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from glowplug.config.catalogue import EngineCatalogue
from glowplug.config.check_managed import check_managed
from glowplug.config.lines import Mapping as Tree
from glowplug.config.lines import Node, Scalar, Sequence, dotted, read_tree
from glowplug.config.lines import Path as Place
from glowplug.config.managed import CLOSED, Entry
from glowplug.config.schema import Config
from glowplug.errors import Problem

WHOLE: Final = ("engines", "login", "telemetry")
"""Sections that are not touched: programs, who gets in, and addresses that get what they hold."""
SERVER: Final = ("database", "model_folders")
ADDRESSES: Final = ("base_url", "region", "resource", "type")
"""Of a provider: where its key goes."""
_WHAT: Final = "can be changed on the machine of the file only"
_HINT: Final = 'edit it there: $EDITOR "$(glowplug config path)"'
_PROVIDER: Final = "add a provider of that address through the page Providers, or on the machine"
_NOTHING: Final = Tree(0)

Line = tuple[int, Node]


def objections(
    before: bytes, after: bytes, config: Config, engines: EngineCatalogue, base: Path, home: str
) -> tuple[Problem, ...]:
    """What of `after` may not come from afar, where `before` is the file; both have been read, `config` is what `after`
    says."""
    old, new = read_tree(before)[0], read_tree(after)[0]
    found = [*_sections(old, new), *_server(old, new), *_models(old, new), *_providers(old, new)]
    there = dict(_scalars(old, ()))
    for at, scalar in _scalars(new, ()):
        if at[0] not in WHOLE and _refers(scalar.text) and (at not in there or there[at].text != scalar.text):
            found.append(_problem(at, scalar.line))
    changed: set[Entry] = {
        (section, name)
        for section in ("models", "providers")
        for name, (_, node) in _names(new, section).items()
        if name not in _names(old, section) or _plain(_names(old, section)[name][1]) != _plain(node)
    }
    for at, message, hint in check_managed(config, changed, engines, base, home):
        mine, theirs = _at(new, at), _at(old, at)
        if theirs is None or mine is None or _plain(theirs[1]) != _plain(mine[1]):
            found.append(Problem(dotted(at), message, line=mine[0] if mine else 0, hint=hint))
    return tuple({(one.path, one.line): one for one in reversed(found)}.values())[::-1]


def _sections(old: Tree, new: Tree) -> Iterator[Problem]:
    for section in WHOLE:
        yield from _differing(old.entries.get(section), new.entries.get(section), (section,))


def _differing(was: Line | None, now: Line | None, at: Place) -> Iterator[Problem]:
    """What is not as it was, as far inside as both have sections."""
    old, new = was[1] if was else _NOTHING, now[1] if now else _NOTHING
    if _plain(old) == _plain(new):
        return
    if isinstance(old, Tree) and isinstance(new, Tree) and old.entries and new.entries:
        for name in dict.fromkeys((*new.entries, *old.entries)):
            for problem in _differing(old.entries.get(name), new.entries.get(name), (*at, name)):
                yield Problem(problem.path, problem.message, line=problem.line or (now or (0,))[0], hint=problem.hint)
        return
    yield _problem(at, now[0] if now else 0)


def _server(old: Tree, new: Tree) -> Iterator[Problem]:
    for name in SERVER:
        yield from _field(_names(old, "server"), _names(new, "server"), ("server", name))


def _models(old: Tree, new: Tree) -> Iterator[Problem]:
    for name, (_, node) in _names(new, "models").items():
        was, now = _entries(_names(old, "models").get(name)), node.entries if isinstance(node, Tree) else {}
        for setting in CLOSED:
            yield from _field(was, now, ("models", name, setting))


def _providers(old: Tree, new: Tree) -> Iterator[Problem]:
    for name, (_, node) in _names(new, "providers").items():
        there = _names(old, "providers").get(name)
        was, now = _entries(there), node.entries if isinstance(node, Tree) else {}
        for setting in ADDRESSES:
            if there is None and setting != "base_url":
                continue  # a provider that is known by name, with a stored secret at most
            for problem in _field(was, now, ("providers", name, setting)):
                yield Problem(problem.path, problem.message, line=problem.line, hint=_PROVIDER)


def _field(was: Mapping[str, Line], now: Mapping[str, Line], at: Place) -> Iterator[Problem]:
    """A setting that is new or says something else."""
    name = str(at[-1])
    if name in now and (name not in was or _plain(was[name][1]) != _plain(now[name][1])):
        yield _problem(at, now[name][0])


def _problem(at: Place, line: int) -> Problem:
    return Problem(dotted(at), _WHAT, line=line, hint=_HINT)


def _refers(text: str) -> bool:
    return "${" in text or text.startswith("file:")


# ---- trees


def _names(root: Tree, section: str) -> Mapping[str, Line]:
    return _entries(root.entries.get(section))


def _entries(found: Line | None) -> Mapping[str, Line]:
    return found[1].entries if found is not None and isinstance(found[1], Tree) else {}


def _at(root: Tree, at: Place) -> Line | None:
    found: Line | None = (root.line, root)
    for step in at:
        found = _entries(found).get(str(step))
    return found


def _plain(node: Node) -> object:
    """As it is compared: `5` and `"5"` differ, order and comments do not count."""
    match node:
        case Scalar():
            return None if node.value is None else (node.text, node.quoted)
        case Sequence():
            return [_plain(item) for item in node.items]
        case _:
            return {name: _plain(item) for name, (_, item) in node.entries.items()} or None


def _scalars(node: Node, at: Place) -> Iterator[tuple[Place, Scalar]]:
    match node:
        case Scalar():
            yield at, node
        case Sequence():
            for number, item in enumerate(node.items):
                yield from _scalars(item, (*at, number))
        case _:
            for name, (_, item) in node.entries.items():
                yield from _scalars(item, (*at, name))
