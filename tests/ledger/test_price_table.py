"""What the price list said, kept in a file."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from glowplug.domain.price import Price, Rates
from glowplug.errors import StoreError
from glowplug.ledger.price_table import FRESH, PriceTable, ask
from glowplug.ledger.prices import Answer, Pair

KNOWN = ("https://one/v1", "a")
UNKNOWN = ("https://one/v1", "b")
PRICE = Price(version="list 1 x", rates=Rates(prompt=3))


class List:
    """A price list that knows one model and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Pair, ...]] = []
        self.version = "1"

    def __call__(self, pairs: Iterable[Pair]) -> Answer:
        self.asked.append(tuple(pairs))
        return Answer(self.version, tuple(PRICE if pair == KNOWN else None for pair in self.asked[-1]))


def table(path: Path, found: List, now: float = 1000.0) -> PriceTable:
    made = PriceTable(path, lambda: now, lambda: found.version, found)
    made.load()
    return made


def test_the_list_is_asked_once_for_what_it_has_and_has_not(tmp_path: Path) -> None:
    path, found = tmp_path / "prices.json", List()
    first = table(path, found)
    assert first.lacks([KNOWN, UNKNOWN, KNOWN]) == (KNOWN, UNKNOWN)
    first.fill((KNOWN, UNKNOWN))
    first.fill(())
    for one in (first, table(path, found)):
        assert one.lacks([KNOWN, UNKNOWN]) == ()
        assert (one.find(KNOWN), one.find(UNKNOWN), one.find(("", ""))) == (PRICE, None, None)
    assert len(found.asked) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("stale", ["version", "month", "clock", "damage"])
def test_what_is_not_of_this_list_and_month_is_looked_up_again(tmp_path: Path, stale: str) -> None:
    path, found = tmp_path / "prices.json", List()
    table(path, found).fill((KNOWN,))
    if stale == "version":
        found.version = "2"
    if stale == "damage":
        path.write_bytes(b"{")
    now = {"month": 1000.0 + FRESH, "clock": 999.0}.get(stale, 1000.0)
    assert table(path, found, now).lacks([KNOWN]) == (KNOWN,)


def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be kept"):
        table(tmp_path / "gone" / "prices.json", List()).fill((KNOWN,))


def test_the_real_list_is_asked_in_a_process_of_its_own() -> None:
    [price] = ask([("https://api.openai.com/v1", "gpt-4o")]).prices
    assert price is not None
    code = (
        "import sys, glowplug.control.process, glowplug.gateway.worker\n"
        "print('genai_prices' in sys.modules, 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_a_list_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StoreError, match="price list"):
        ask([KNOWN])
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StoreError, match="price list"):
        ask([KNOWN])
