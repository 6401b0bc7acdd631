"""The books of a soak, from what an installation says to the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bench.bill import DIFFERENCES, LOST, SUMS, UNBILLED, Billed, Line, Seen, sums
from bench.figures import render
from bench.soak import BUDGETS, CHECK, DOWN, PRICES, RESERVED, Books, config, differences, figures, void

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue
from tests.bench.books import BILLED, KEY, LINES, SEEN


def books(
    seen: tuple[Seen, ...] = SEEN,
    bills: tuple[Billed, ...] = BILLED,
    lines: tuple[Line, ...] = LINES,
    *,
    off: int = 0,
    **other: object,
) -> Books:
    """Books that fit, with something changed; `off` is what budgets and sums have too much."""
    spent = sum(one.cost for one in lines)
    rows = [{"model": model, **had} for model, had in sums(lines).items()]
    rows[0]["cost"] += off
    budgets = [{"scope": "key", "name": KEY, "spent": spent + off, "reserved": 0},
               {"scope": "all", "name": "", "spent": spent, "reserved": 0}]  # fmt: skip
    there = Books(
        seen=list(seen), billed=list(bills), lines=list(lines), sums=rows, budgets=budgets,
        checked={"ok": True, "problems": 0, "findings": []}, kills=2,
    )  # fmt: skip
    return replace(there, **other)  # type: ignore[arg-type]


def kinds(there: Books) -> set[str]:
    return {kind for kind, found in differences(there).items() if found}


def test_books_that_fit() -> None:
    assert kinds(books()) == set()
    assert set(DIFFERENCES) < set(differences(books()))
    assert void(books(), 2) == ""


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (books(lines=LINES[1:]), {LOST, UNBILLED}),
        (books(off=1), {SUMS, BUDGETS}),
        (books(sums=[]), {SUMS}),
        (books(budgets=[{"scope": "all", "name": "", "spent": sum(x.cost for x in LINES), "reserved": 7}]), {RESERVED}),
        (books(checked={"ok": False, "problems": 2, "findings": [{"kind": "sums", "what": "x"}]}), {CHECK}),
        (books(checked={"ok": False}), {CHECK}),
        (books(more={"places": ["one"]}), {"places"}),
    ],
)  # fmt: skip
def test_every_difference_is_found(there: Books, found: set[str]) -> None:
    assert kinds(there) == found


def test_the_table_has_every_difference_with_its_number() -> None:
    there = books(lines=LINES[1:])
    table = render(figures(there, differences(there)), {})
    for kind in DIFFERENCES:
        (row,) = [row for row in table.splitlines() if f"{kind}  " in row]
        assert ("missed" in row) == (kind in (LOST, UNBILLED)), row


@pytest.mark.parametrize(
    ("there", "kills", "why"),
    [
        (books(), 3, "only 2 of 3"),
        (books(lines=LINES[:2]), 2, "no kill hit"),
        (books(seen=SEEN[2:]), 2, "too little load"),
    ],
)
def test_a_run_that_proves_nothing_says_so(there: Books, kills: int, why: str) -> None:
    assert why in void(there, kills)


def test_the_configuration_is_one(tmp_path: Path) -> None:
    file = tmp_path / "glowplug.yaml"
    file.write_text(config(4001, 9))
    loaded = load(file, env={}, engines=Catalogue())
    assert not loaded.warnings
    assert set(loaded.config.models) == {*PRICES, DOWN}
