"""What the price list said, kept in a file beside the database, so that the list is seldom asked (see `ledger.prices`).

The table is for one version of the list and for a month: lists know prices that begin on a day.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from glowplug.domain.price import Price
from glowplug.errors import StoreError
from glowplug.ledger.prices import PACKAGE, Answer, Pair

LONGEST: Final = 30.0
"""Seconds that asking the list may take."""
_FORM: Final = 2
"""With prices by the hour of the day."""
FRESH: Final = 30 * 86_400.0
"""Seconds for which what was found is believed."""


class _Entry(msgspec.Struct, frozen=True):
    url: str
    model: str
    price: Price | None


class _File(msgspec.Struct, frozen=True):
    version: str
    made: float
    entries: tuple[_Entry, ...]
    form: int = 0
    """What was looked for: a file of an earlier form knows less, and is asked for anew."""


def installed() -> str:
    """The version of the list that is installed; empty when there is none."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return ""


def ask(pairs: Iterable[Pair]) -> Answer:
    """Ask the list, in a process of its own; waits, so never on the loop.  Raises StoreError."""
    command = [sys.executable, "-m", "glowplug.ledger.prices"]
    try:
        asked = msgspec.json.encode(list(pairs))
        done = subprocess.run(command, input=asked, capture_output=True, timeout=LONGEST, check=False)
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise StoreError(f"the price list could not be read: {last}")
        return msgspec.json.decode(done.stdout, type=Answer)
    except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
        raise StoreError(f"the price list could not be read: {error}") from error


class PriceTable:
    """Prices by provider URL and model id.  `find` and `lacks` are for the loop; `load` and `fill` wait."""

    def __init__(
        self,
        path: Path,
        unix: Callable[[], float],
        listed: Callable[[], str] = installed,
        look_up: Callable[[Iterable[Pair]], Answer] = ask,
    ) -> None:
        self._path = path
        self._unix = unix
        self._listed = listed
        self._look_up = look_up
        self._prices: dict[Pair, Price | None] = {}
        self._made = 0.0

    def load(self) -> None:
        """Take over what was found before, if it is of the list that is installed now.  A bad file counts as none."""
        try:
            stored = msgspec.json.decode(self._path.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError):
            return
        if stored.form == _FORM and stored.version == self._listed() and 0 <= self._unix() - stored.made < FRESH:
            self._made = stored.made
            self._prices = {(entry.url, entry.model): entry.price for entry in stored.entries}

    def find(self, pair: Pair) -> Price | None:
        return self._prices.get(pair)

    def lacks(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """Those that were not looked for yet, once each."""
        return tuple(pair for pair in dict.fromkeys(pairs) if pair not in self._prices)

    def fill(self, pairs: tuple[Pair, ...]) -> None:
        """Look these up and keep what is found.  Raises StoreError; nothing has changed then."""
        if not pairs:
            return
        answer = self._look_up(pairs)
        self._prices |= dict(zip(pairs, answer.prices, strict=True))
        self._made = self._made or self._unix()
        entries = tuple(_Entry(url, model, price) for (url, model), price in sorted(self._prices.items()))
        data = msgspec.json.encode(_File(answer.version, self._made, entries, _FORM))
        new = self._path.with_name(self._path.name + ".new")
        try:
            descriptor = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            new.replace(self._path)
        except OSError as error:
            raise StoreError(f"prices could not be kept in {self._path}: {error.strerror}") from error
