"""The comparison finds every kind of difference, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from bench.bill import (
    COST,
    DIFFERENCES,
    DOUBLED,
    FREE,
    INVENTED,
    LOST,
    OPEN,
    REFUSED,
    STRANGER,
    UNBILLED,
    UNLIKE,
    UNMARKED,
    UNSETTLED,
    WRONG,
    Billed,
    Line,
    Price,
    Seen,
    Tokens,
    compare,
    other_sums,
    sums,
)
from bench.soak import DOWN, PAID, PRICES

from tests.bench.books import BILLED, COSTS, CUT, FAILED, LINES, SEEN, changed, closed


def kinds(seen: Sequence[Seen], bills: Sequence[Billed], lines: Sequence[Line]) -> set[str]:
    return {kind for kind, found in compare(seen, bills, lines, PRICES).items() if found}


def test_books_that_fit() -> None:
    assert kinds(SEEN, BILLED, LINES) == set()
    assert list(compare(SEEN, BILLED, LINES, PRICES)) == list(DIFFERENCES)


@pytest.mark.parametrize(
    ("seen", "bills", "lines", "found"),
    [
        (SEEN, BILLED, LINES[1:], {LOST, UNBILLED}),
        (SEEN, BILLED, changed(0, state="interrupted", outcome="interrupted", estimated=True), {UNSETTLED}),
        (SEEN, BILLED, changed(0, outcome="upstream_error", tokens=Tokens(0, 0), cost=0), {UNSETTLED, WRONG}),
        (SEEN, BILLED, changed(0, tokens=Tokens(11, 5), cost=COSTS + 1250), {UNLIKE, WRONG}),
        (SEEN, BILLED, changed(1, tokens=Tokens(10, 6), cost=COSTS + 10_000), {WRONG}),
        (SEEN, BILLED, changed(1, estimated=True), {WRONG}),
        (SEEN, BILLED, changed(3, tokens=Tokens(10, 0), cost=12_500), {WRONG}),
        (SEEN, BILLED, changed(3, estimated=True), {WRONG}),
        (SEEN, BILLED, (*LINES[:2], *LINES[3:]), {UNBILLED}),
        (SEEN, BILLED[1:], LINES, {INVENTED}),
        (SEEN, BILLED, (*LINES, closed("plain", attempt=1)), {DOUBLED}),
        (SEEN, BILLED, (*LINES, replace(CUT, attempt=1)), {DOUBLED}),
        (SEEN, BILLED, (*LINES, replace(CUT, request="killed before it was sent", attempt=1)), {DOUBLED}),
        (SEEN, BILLED, (*LINES, FAILED), {DOUBLED}),
        (SEEN, BILLED, changed(2, estimated=False), {UNMARKED}),
        (SEEN, BILLED, changed(2, outcome="ok"), {UNMARKED}),
        (SEEN, BILLED, changed(2, state="open", outcome=""), {OPEN}),
        (SEEN, BILLED, changed(1, cost=COSTS - 1), {COST}),
        (SEEN, BILLED, changed(2, cost=0), {COST}),
        (SEEN, BILLED, changed(4, cost=1), {FREE}),
        (SEEN, BILLED, changed(4, tokens=Tokens(3, 0)), {FREE}),
        (SEEN, BILLED, (*LINES, replace(FAILED, request="nobody's")), {STRANGER}),
        ((replace(SEEN[0], status=503, whole=False), *SEEN[1:]), BILLED, LINES, {REFUSED}),
    ],
)  # fmt: skip
def test_every_difference_is_found(
    seen: Sequence[Seen], bills: Sequence[Billed], lines: Sequence[Line], found: set[str]
) -> None:
    assert kinds(seen, bills, lines) == found


def test_an_attempt_that_was_opened_and_never_sent_is_no_difference() -> None:
    assert "killed before it was sent" not in {one.request for one in BILLED}
    assert kinds(SEEN, BILLED, LINES[:-1]) == set(), "nor is one that died before it was opened"


def test_sums_are_compared_by_model_and_column() -> None:
    rows = [{"model": model, **had} for model, had in sums(LINES).items()]
    assert other_sums(LINES, rows) == []
    assert other_sums(LINES, rows[:1]) == [f"{DOWN} is on one side only"]
    rows[0]["attempts"] += 1
    assert other_sums(LINES, rows) == [f"{PAID}: attempts 7, and its lines make 6"]


def test_a_price_is_for_a_token() -> None:
    assert Price(1250, 10_000).of(Tokens(10, 5)) == COSTS
