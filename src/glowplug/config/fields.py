"""Single settings set in the text of a configuration file; pure.

What `glowplug.config.edit` does for whole entries, for a setting inside of one: comments, order and style stay, and the
result is read again and must say exactly what was wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from glowplug.config import edit
from glowplug.config.lines import dotted
from glowplug.config.marks import Mark, read_marks
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict
from glowplug.config.writers.yaml_text import flow, scalar
from glowplug.errors import ConfigError

_WHAT: Final = "the configuration"


def set_field(text: str, path: Sequence[str], value: Value) -> str:
    """`text` with the setting at `path` (`("models", "chat-gpt-openai", "rpm")`), in place of the one it had.

    Raises ConfigError where the file is written in a way that cannot be edited.
    """
    before = read_plain(text, _WHAT)
    if before.repeated:
        raise ConfigError(f"{_WHAT}: {before.repeated[0]}", before.repeated)
    wanted = _with(before.values, path, value)
    new = _edited(text, read_marks(text), tuple(path), value)
    try:
        says = read_plain(new, _WHAT)
    except ConfigError:
        raise _cannot(path) from None
    if says.repeated or not edit.same(says.values, wanted):
        raise _cannot(path)
    return new


def _with(values: Value, path: Sequence[str], value: Value) -> dict[str, Value]:
    here = as_dict(values)
    rest = path[1:]
    return {**here, path[0]: _with(here.get(path[0]), rest, value) if rest else value}


def _edited(text: str, root: Mark | None, path: tuple[str, ...], value: Value) -> str:
    here = root
    for depth, name in enumerate(path[:-1]):
        below = _own(here, name)
        if below is None or below.empty:
            return _put(text, here, path[: depth + 1], _nested(path[depth + 1 :], value), below)
        here = below
    found = _own(here, path[-1])
    if found is None or found.empty:
        return _put(text, here, path, value, found)
    if found.target is not None or found.text is None or found.style in ("|", ">"):
        raise _cannot(path)
    return text[: found.start] + flow(value) + text[found.end :]


def _nested(path: Sequence[str], value: Value) -> Value:
    for name in reversed(path):
        value = {name: value}
    return value


def _own(mapping: Mark | None, name: str) -> Mark | None:
    """The value of a name in a mapping that is written there itself."""
    return next((value for key, value in (mapping.entries or [] if mapping else []) if key.text == name), None)


def _put(text: str, mapping: Mark | None, path: tuple[str, ...], value: Value, empty: Mark | None) -> str:
    """The last name of `path` into a mapping that does not have it."""
    if len(path) == 1 and isinstance(value, dict) and len(value) == 1:
        ((name, entry),) = value.items()
        return edit.put(text, path[0], name, entry).text
    if mapping is None or not mapping.entries or empty is not None:
        raise _cannot(path)
    line = f"{scalar(path[-1])}: {flow(value)}"
    if mapping.flow:
        before = text[mapping.start : mapping.end - 1].rstrip()
        comma = "" if before.endswith((",", "{")) else ", "
        return text[: mapping.end - 1] + comma + line + text[mapping.end - 1 :]
    newline = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    column = mapping.entries[0][0].column
    end = _line_end(text, mapping.end)
    block = f"{' ' * column}{line}{newline}"
    if not text[:end].endswith("\n"):
        block = newline + block.removesuffix(newline)
    return text[:end] + block + text[end:]


def _line_end(text: str, position: int) -> int:
    """Behind the line in which the thing ends whose end is `position`; a block scalar ends at a line's begin."""
    if position and text[position - 1] == "\n":
        return position
    found = text.find("\n", position)
    return len(text) if found < 0 else found + 1


def _cannot(path: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"{dotted(tuple(path))} was not changed: it is written in a way that Glowplug cannot edit",
        hint="edit the file by hand",
    )
