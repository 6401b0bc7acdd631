"""The file, what it includes, and what the database lays over it → one tree, in LiteLLM's order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from glowplug.config.lines import printable
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.plain import Plain, read_plain, words_1_1
from glowplug.config.readers.values import as_dict, sayable
from glowplug.errors import ConfigError, Problem

Include = Callable[[str], str | bytes]
"""The text of an included file by the path the file gives; raises ConfigError or OSError."""
_UNSAYABLE: Final = "it has a character in it that nothing can be called"
OVERLAID: Final = ("general_settings", "router_settings", "litellm_settings", "environment_variables")


@dataclass(frozen=True)
class Overlay:
    """Rows of the database that LiteLLM lays over its file when `store_model_in_db` is on; opened, nothing sealed."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    """`LiteLLM_Config` by `param_name`."""
    models: Sequence[Mapping[str, Value]] = ()
    """`LiteLLM_ProxyModelTable`: `model_id`, `model_name`, `litellm_params`, `model_info`."""
    credentials: Sequence[Mapping[str, Value]] = ()
    """`LiteLLM_CredentialsTable`: `credential_name`, `credential_values`."""


@dataclass(frozen=True)
class Entry:
    """One entry of a list of the source with the place it stands at."""

    where: str
    value: Value
    stored: bool = False
    """It came from the database."""


@dataclass(frozen=True)
class Source:
    """Everything LiteLLM would go by."""

    sections: Mapping[str, Value]
    models: tuple[Entry, ...]
    credentials: tuple[Entry, ...]


def read_source(text: str | bytes, name: str, include: Include | None, overlay: Overlay, notes: Notes) -> Source:
    """Raises ConfigError when a file cannot be read or an `include` is none."""
    plain = _file(text, name, notes)
    tree = _included(plain.values, name, include, notes)
    for section in OVERLAID:
        row = overlay.settings.get(section)
        if row is not None and not sayable(row):
            notes.refused(f"LiteLLM_Config[{section}]", "the row", _UNSAYABLE)
        elif row is not None:
            tree[section] = _overlaid(section, tree.get(section), row, notes)
    models = [*_entries("model_list", tree.get("model_list"), notes)]
    models += _rows("LiteLLM_ProxyModelTable", "model_id", overlay.models, notes)
    credentials = [*_entries("credential_list", tree.get("credential_list"), notes)]
    credentials += _rows("LiteLLM_CredentialsTable", "credential_name", overlay.credentials, notes)
    return Source(tree, tuple(models), tuple(credentials))


def _rows(table: str, key: str, rows: Sequence[Mapping[str, Value]], notes: Notes) -> list[Entry]:
    entries = []
    for number, row in enumerate(rows):
        where = f"{table}[{printable(str(row.get(key) or number))}]"
        if sayable(dict(row)):
            entries.append(Entry(where, dict(row), stored=True))
        else:
            notes.refused(where, "the row", _UNSAYABLE)
    return entries


def _file(text: str | bytes, name: str, notes: Notes) -> Plain:
    plain = read_plain(text, name, words_1_1)
    for problem in plain.repeated:
        notes.changed(problem.path, f"the same name twice, the second in line {problem.line}", "the last one stands")
    return plain


def _included(tree: dict[str, Value], name: str, include: Include | None, notes: Notes) -> dict[str, Value]:
    if "include" not in tree:
        return tree
    paths = tree.pop("include")
    if not isinstance(paths, list):
        raise _wrong(name, "include", "must be a list of files")
    for number, path in enumerate(paths):
        where = f"include[{number}]"
        if not isinstance(path, str) or not path:
            raise _wrong(name, where, "must be the path of a file")
        if include is None:
            raise _wrong(name, where, f"{path} is included, and cannot be read from here")
        try:
            text = include(path)
        except OSError as error:
            raise _wrong(name, where, f"{path} cannot be read: {error.strerror or 'it is not there'}") from None
        for key, value in _file(text, path, notes).values.items():
            mine = tree.get(key)
            if isinstance(value, list) and isinstance(mine, list):
                tree[key] = [*mine, *value]
            else:
                tree[key] = value
        notes.taken(where, path)
    if "include" in tree:
        notes.left("include", "an included file that includes others", "LiteLLM does not read those either")
        del tree["include"]
    return tree


def _wrong(name: str, where: str, message: str) -> ConfigError:
    problem = Problem(where, message)
    return ConfigError(f"{name}: {problem}", (problem,))


def _overlaid(section: str, mine: Value, row: Value, notes: Notes) -> Value:
    """The row over the file; what the row leaves null or an empty list stands."""
    if section == "environment_variables":
        row = {key: value for name, value in as_dict(row).items() for key in (name, name.upper())}
    if not isinstance(mine, dict) or not isinstance(row, dict):
        return row
    merged = dict(mine)
    for key, value in row.items():
        if value is None or value == []:
            continue
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _overlaid("", merged[key], value, notes)
            continue
        if section and key in merged and merged[key] != value:
            notes.changed(f"{section}.{key}", "the file and the database differ", "the database's stands, as there")
        merged[key] = value
    return merged


def _entries(where: str, value: Value, notes: Notes) -> list[Entry]:
    if value is None:
        return []
    if not isinstance(value, list):
        notes.refused(where, "no list", "it must be a list")
        return []
    return [Entry(f"{where}[{number}]", item) for number, item in enumerate(value)]
