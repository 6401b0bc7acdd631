"""What was asked."""

from __future__ import annotations

import pytest

from glowplug.errors import NotFound, RequestError
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.usecases.requests import Requests
from tests.ledger.builders import closed


async def test_pages_of_what_is_folded_first(database: Database) -> None:
    store = AttemptStore(database)
    folds = []

    def fold() -> None:
        folds.append(1)
        store.absorb("w", "s", 1, [], [closed(f"r{n}", day=n) for n in range(3)])

    requests = Requests(database, fold)
    first = await requests.newest(2)
    assert ([one.request for one in first.data], first.has_more, first.next) == (["r2", "r1"], True, "r1")
    rest = await requests.newest(2, first.next or "")
    assert ([one.request for one in rest.data], rest.has_more, rest.next) == (["r0"], False, None)
    assert len(folds) == 1, "a further page is of the same state"
    assert (await requests.show("r1")).attempts[0].prompt_tokens == 10
    with pytest.raises(NotFound, match="x-request-id"):
        await requests.show("nobody")
    with pytest.raises(RequestError, match="begin again"):
        await requests.newest(2, "nobody")
    with pytest.raises(RequestError, match="1 to"):
        await requests.newest(0)
