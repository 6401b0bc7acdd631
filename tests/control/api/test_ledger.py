from __future__ import annotations

import httpx
from sqlalchemy import update

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.tables import spend
from tests.control.conftest import Control
from tests.ledger.builders import opened


async def test_the_ledger_is_checked_and_its_sums_are_made_anew(
    control: Control, admin: httpx.AsyncClient, user: httpx.AsyncClient, database: Database
) -> None:
    store = AttemptStore(database)
    store.absorb("w", "s", 1, [opened("a")], [])
    store.settle("w")
    answer = await admin.get("/admin/ledger/check")
    assert (answer.status_code, answer.json()["ok"], control.told, control.folds) == (200, True, [0], 1)
    database.call(lambda c: c.execute(update(spend).where(spend.c.scope == "all").values(nano=1)))
    found = (await admin.get("/admin/ledger/check")).json()
    assert (found["ok"], found["problems"], [one["kind"] for one in found["findings"]]) == (False, 1, ["sums"])
    for query, wrong in (("?dry_run=1", 1), ("", 1), ("", 0)):
        assert (await admin.post(f"/admin/ledger/rebuild{query}")).json()["wrong"] == wrong
    assert (await user.get("/admin/ledger/check")).status_code == 403
    assert (await user.post("/admin/ledger/rebuild")).status_code == 403
