"""The text of a foreign YAML file → plain values, as the program that it was written for reads them.

The tree and its bounds are those of our own file (`glowplug.config.lines`); what differs is what an unquoted word
means.  LiteLLM reads YAML 1.1 with PyYAML, where `yes` is true and `1e-6` is text, and where the last of two equal
names stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from glowplug.config.lines import Mapping, Node, Scalar, Sequence, Unreadable, plain_value, printable, read_tree
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.values import sayable
from glowplug.errors import ConfigError, Problem

_WORDS: Final[dict[str, Value]] = {
    "": None, "~": None, "null": None, "yes": True, "no": False, "true": True, "false": False, "on": True, "off": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?(?:0b[0-1_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?")
_SIXTIES = re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+")
_NO_NUMBER: Final = 40
"""Characters; longer words are text."""

Words = Callable[[str], Value]


@dataclass(frozen=True)
class Plain:
    """One file, read."""

    values: dict[str, Value]
    repeated: tuple[Problem, ...] = ()
    """Names that were given twice in one place."""


def read_plain(text: str | bytes, what: str, words: Words = plain_value) -> Plain:
    """The values in `text`; `what` names it in errors; `words` says what an unquoted word means.

    Raises ConfigError with the line when it cannot be read.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    try:
        root, repeated = read_tree(data, last_wins=words is words_1_1)
        values = _mapping(root, words)
    except Unreadable as error:
        raise ConfigError(f"{what}: {error.problem}", (error.problem,)) from None
    return Plain(values, tuple(repeated))


def words_1_1(text: str) -> Value:
    """What an unquoted word means to PyYAML (YAML 1.1; https://yaml.org/type/)."""
    if text.lower() in _WORDS and text in (text.lower(), text.upper(), text.capitalize()):
        return _WORDS[text.lower()]
    if len(text) > _NO_NUMBER:
        return text
    try:
        if _INT.fullmatch(text):
            return _integer(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
    except ValueError:  # `0b_` and the like
        return text
    if _SIXTIES.fullmatch(text):
        total = 0
        for part in text.lstrip("+-").replace("_", "").split(":"):
            total = total * 60 + int(part)
        return -total if text.startswith("-") else total
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    base = 2 if digits.startswith("0b") else 16 if digits.startswith("0x") else 8 if digits[:1] == "0" else 10
    return int(text, base)


def _mapping(node: Mapping, words: Words) -> dict[str, Value]:
    return {_usable(name, line): _value(child, words) for name, (line, child) in node.entries.items()}


def _value(node: Node, words: Words) -> Value:
    match node:
        case Mapping():
            return _mapping(node, words)
        case Sequence():
            return [_value(item, words) for item in node.items]
    return _usable(node.text, node.line) if node.quoted else _unquoted(node, words)


def _unquoted(node: Scalar, words: Words) -> Value:
    value = words(node.text)
    return _usable(value, node.line) if isinstance(value, str) else value


def _usable(text: str, line: int) -> str:
    """Escapes can write what no file name, header or database takes."""
    if not sayable(text):
        raise Unreadable(f'"{printable(text)}" has a character in it that nothing can be called', line)
    return text
