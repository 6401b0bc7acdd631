"""Looking for requests: what is found, in which order, and how much is read for it."""

from __future__ import annotations

import msgspec
import pytest

from glowplug.domain.usage import AttemptClosed, Outcome
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.request_search import Wanted, search
from tests.ledger.builders import DAY, START, closed, opened

EVERY = ["running", "same-b", "same-a", "twice", "old"]


@pytest.fixture
def filled(database: Database) -> Database:
    ends = [
        closed("old", key="k1"),
        closed("twice", day=1, key="k2", outcome=Outcome.TIMEOUT),
        at(closed("twice", 1, day=1, key="k2", model="x", prompt=20), START + DAY + 1000),
        msgspec.structs.replace(closed("same-a", day=2, key="k1", outcome=Outcome.UPSTREAM_ERROR), status=502),
        msgspec.structs.replace(closed("same-b", day=2, key="k1", model="y"), tags=('A"b',), user="bob"),
    ]
    AttemptStore(database).absorb("w", "s", 1, [opened("running", day=3)], ends)
    return database


def at(record: AttemptClosed, started: float) -> AttemptClosed:
    return msgspec.structs.replace(record, started=started)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), EVERY),
        (Wanted(key="k1"), ["same-b", "same-a", "old"]),
        (Wanted(key="k1", user="ann"), ["same-a", "old"]),
        (Wanted(team="web", key="k2"), ["twice"]),
        (Wanted(key="k"), ["running"]),
        (Wanted(user="nobody"), []),
        (Wanted(asked="asked", since=START + DAY, until=START + 2 * DAY), ["twice"]),
        (Wanted(until=START + DAY), ["old"]),
        (Wanted(model="x"), ["twice"]),
        (Wanted(model="m"), ["running", "same-a", "twice", "old"]),
        (Wanted(tag="a"), ["running", "same-a", "twice", "old"]),
        (Wanted(tag='A"b'), ["same-b"]),
        (Wanted(tag="b"), ["running", "same-a", "twice", "old"]),
        (Wanted(status=502), ["same-a"]),
        (Wanted(outcome="ok"), ["same-b", "twice", "old"]),
        (Wanted(outcome="failed"), ["same-a"]),
        (Wanted(outcome="timeout"), []),
        (Wanted(outcome="open"), ["running"]),
        (Wanted(outcome="open", key="k1"), []),
        (Wanted(id="same-"), ["same-b", "same-a"]),
        (Wanted(id="same-", key="k2"), []),
        (Wanted(newer=(START + DAY, "twice")), ["running", "same-b", "same-a"]),
        (Wanted(newer=(START + 2 * DAY, "same-a")), ["running", "same-b"]),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_found(filled: Database, wanted: Wanted, names: list[str]) -> None:
    found = filled.call(lambda c: search(c, wanted, 9))
    assert ([one.request for one in found.requests], found.stopped) == (names, None)
    seen, before = [], None
    while True:
        page = filled.call(lambda c, before=before: search(c, wanted, 2, before))  # type: ignore[misc]
        seen += [one.request for one in page.requests]
        if page.stopped is None:
            break
        before = page.stopped
    assert seen == names, "in pages of two"


@pytest.mark.parametrize("wanted", [Wanted(status=418), Wanted(key="k1", status=502), Wanted(model="x")], ids=str)
@pytest.mark.parametrize("read", [1, 2, 3])
def test_a_page_reads_so_much_and_the_next_goes_on(filled: Database, wanted: Wanted, read: int) -> None:
    """Every page gets further, and together they find what one does that may read everything."""
    seen, before, pages = [], None, 0
    while True:
        page = filled.call(lambda c, before=before: search(c, wanted, 9, before, read))  # type: ignore[misc]
        seen += [one.request for one in page.requests]
        pages += 1
        assert page.stopped is None or before is None or page.stopped < before
        if page.stopped is None:
            break
        before = page.stopped
    whole = filled.call(lambda c: search(c, wanted, 9))
    assert seen == [one.request for one in whole.requests]
    assert pages <= 6
