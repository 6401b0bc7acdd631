"""Single values of LiteLLM's rows, read with care: numbers that are strings, JSON in JSON, money as floats, NULLs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from glowplug.config.readers.foreign import Note, Outcome, Value
from glowplug.config.readers.litellm.ciphertext import Opener, Tree, Unreadable
from glowplug.money import NANO

_MOST = 1 << 62
_SHORT = 16
"""Digits that are a number below `_MOST` for sure."""
_T = TypeVar("_T")
NOT_SET = "it is taken as not set"
"""Why an odd value is none."""
GIVE_AGAIN = "name the key it was written with, or give the value again"
_NESTED = 3
"""JSON strings within JSON strings that are taken apart."""


@dataclass(frozen=True)
class Reading:
    """What rows are read with, and where what is odd about them is written down."""

    opener: Opener
    notes: list[Note] = field(default_factory=list)
    opened: dict[int, int] = field(default_factory=dict)
    """Which of the keys → how many rows it opened something of."""

    def note(self, outcome: Outcome, where: str, what: str, why: str = "", hint: str = "") -> None:
        self.notes.append(Note(outcome, where, what, why, hint))


@dataclass(frozen=True)
class Refused:
    """A row that cannot be used, because strings it depends on are no values."""

    where: str
    name: str
    """What people call it."""
    unreadable: tuple[Unreadable, ...]


class Row:
    """One row, by the names of its columns.  A value that is not of its kind is noted and reads as missing."""

    def __init__(self, table: str, key: str, values: Mapping[str, object], reading: Reading) -> None:
        self.where = f"{table}[{key}]"
        """For notes."""
        self._values = values
        self._reading = reading

    def text(self, name: str) -> str:
        """Empty for NULL."""
        value = self._values.get(name)
        return "" if value is None else str(value)

    def names(self, name: str) -> tuple[str, ...]:
        """A list of strings, each once, in its order; from an array or from JSON."""
        value = self._values.get(name)
        if isinstance(value, str):
            value = json_value(value)
        if value is None:
            return ()
        if not isinstance(value, list):
            return self._odd(name, "no list", ())
        return tuple(dict.fromkeys(str(one) for one in value if one is not None))

    def whole(self, name: str) -> int | None:
        value = self._values.get(name)
        found = whole_number(value)
        if found is None and value is not None and not _endless(value):
            return self._odd(name, "no whole number", None)
        return found

    def money(self, name: str) -> int | None:
        """Nano-dollars; None for NULL and for infinity, which both mean that there is no limit."""
        value = self._values.get(name)
        found = nano_dollars(value)
        if found is None and value is not None and not _endless(value):
            return self._odd(name, "no amount of money", None)
        return found

    def spent(self, name: str = "spend") -> int:
        """Nano-dollars; 0 for NULL."""
        return self.money(name) or 0

    def moment(self, name: str) -> float | None:
        """Seconds since 1970; None for NULL and for infinity."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float | Decimal):
            return self._odd(name, "no time", None)
        return float(value) if math.isfinite(value) else None

    def flag(self, name: str) -> bool:
        """False for NULL."""
        value = self._values.get(name)
        return value is True or value in ("true", "t", "1", 1)

    def tree(self, name: str) -> Mapping[str, Value]:
        """An object; empty for NULL.  Also from JSON that is a string with JSON in it."""
        value = json_value(self._values.get(name))
        if value is None or value == "":
            return {}
        if not isinstance(value, dict):
            return self._odd(name, "no JSON object", {})
        return value

    def value(self, name: str) -> Value:
        """Any JSON, also from JSON that is a string with JSON in it."""
        return json_value(self._values.get(name))

    def opened(self, name: str) -> Tree:
        """An object whose strings LiteLLM encrypts."""
        tree = self._reading.opener.open_tree(self.tree(name))
        for key in tree.keys:
            self._reading.opened[key] = self._reading.opened.get(key, 0) + 1
        return tree

    def metadata(self, name: str = "metadata") -> Mapping[str, Value]:
        """An object that has plain strings, and marked ciphertext here and there; what cannot be opened is left out."""
        tree = self._reading.opener.open_tree(self.tree(name), marked=True)
        self.refuse(name, tree.unreadable)
        return tree.values

    def refuse(self, column: str, unreadable: Iterable[Unreadable]) -> None:
        """Write down strings of a column that are no values."""
        for one in unreadable:
            self._reading.note(
                Outcome.REFUSED, f"{self.where}.{column}.{one.path}", "not a value", one.trouble.value, GIVE_AGAIN
            )

    def note_layers(self, what: str, tree: Tree) -> None:
        """Write down when values were kept in clear, or encrypted more than once."""
        if tree.layers > 1:
            self.note(Outcome.CHANGED, what, f"it was encrypted {tree.layers} times over")
        elif not tree.layers and any(isinstance(value, str) for value in tree.values.values()):
            self.note(Outcome.CHANGED, what, "it was kept in clear")

    def note(self, outcome: Outcome, what: str, why: str = "", hint: str = "") -> None:
        """Write down something about this row."""
        self._reading.note(outcome, self.where, what, why, hint)

    def _odd(self, name: str, what: str, instead: _T) -> _T:
        self._reading.note(Outcome.CHANGED, f"{self.where}.{name}", what, NOT_SET)
        return instead


def nano_dollars(value: object) -> int | None:
    """Nano-dollars of a number of dollars: the shortest decimal that is the float, rounded half up (away from zero).

    None for what is no number, is infinite, or is nobody's money.
    """
    if type(value) is float and -1.0 < value < 1.0:
        # Below a dollar the product is off by less than a millionth of a nano-dollar, so only one that is nearly in the
        # middle between two needs its decimal.
        product = value * NANO
        nearest = round(product)
        if abs(product - nearest) < 0.499:
            return nearest
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        exact = Decimal(value.strip() if isinstance(value, str) else repr(value) if isinstance(value, float) else value)
        if not exact.is_finite() or abs(exact) > _MOST // NANO:
            return None
        return int((exact * NANO).quantize(Decimal(1), ROUND_HALF_UP))
    except InvalidOperation:
        return None


def whole_number(value: object) -> int | None:
    """A whole number from an integer, a float without a fraction, or digits; None for anything else."""
    if type(value) is str and len(value) < _SHORT and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        exact = Decimal(value.strip().replace("_", "?") if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    return int(exact) if exact.is_finite() and abs(exact) < _MOST and exact == int(exact) else None


def json_value(value: object) -> Value:
    """The value of a JSON column, when it is a string that is JSON: the value of that."""
    for _ in range(_NESTED):
        if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
            break
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            break
    return value  # type: ignore[return-value]  # the driver decodes JSON into nothing else


def _endless(value: object) -> bool:
    """Whether somebody wrote infinity for `no limit`."""
    try:
        return not isinstance(value, bool | list | dict) and math.isinf(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
