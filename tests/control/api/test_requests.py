from __future__ import annotations

import httpx

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from tests.control.conftest import Control
from tests.ledger.builders import START, closed


async def test_requests_the_newest_first_and_one(
    admin: httpx.AsyncClient, user: httpx.AsyncClient, database: Database
) -> None:
    AttemptStore(database).absorb("w", "s", 1, [], [closed("a", key="k1"), closed("b", key="k2", day=1)])
    page = (await admin.get("/admin/requests?limit=1")).json()
    assert ([one["request"] for one in page["data"]], page["next"]) == (["b"], "b")
    assert [one["request"] for one in (await admin.get("/admin/requests?key=k1")).json()["data"]] == ["a"]
    shown = (await admin.get("/admin/requests/a")).json()
    assert (shown["attempts"][0]["cost"], shown["tags"]) == (31, ["a", "b"])
    assert (await admin.get("/admin/requests/nobody")).status_code == 404
    for query in ("limit=0", "limit=many", "model=x", "after=nobody"):
        assert (await admin.get(f"/admin/requests?{query}")).status_code == 400, query
    assert (await user.get("/admin/requests")).status_code == 403
    assert (await user.get("/admin/requests/a")).status_code == 403


async def test_speeds_of_the_last_minutes(control: Control, database: Database) -> None:
    control.clock.now = START + 60.0
    AttemptStore(database).absorb("w", "s", 1, [], [closed("a")])
    async with control.client(control.admin_key) as client:
        (row,) = (await client.get("/admin/speeds")).json()["data"]
        assert (row["model"], row["tokens"]) == ("m", 5)
        assert (await client.get("/admin/speeds?seconds=30")).json()["data"] == []
        assert (await client.get("/admin/speeds?seconds=soon")).status_code == 400
