from __future__ import annotations

import httpx

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from tests.control.conftest import Control
from tests.ledger.builders import closed


async def test_usage_folds_first(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/admin/usage?by=model&since=2026-01-01")
    assert answer.json() == {"data": [], "has_more": False, "next": None}
    assert control.folds == 1
    for query in ("by=worker", "since=today", "until=2026-13-01", "sicne=2026-01-01"):
        assert (await admin.get(f"/admin/usage?{query}")).status_code == 400
    assert control.folds == 1


async def test_usage_as_csv(control: Control, admin: httpx.AsyncClient, database: Database) -> None:
    records = [closed(f"r{n}", model="m", key=f"=k{n}", day=0) for n in range(3)]
    AttemptStore(database).absorb("w", "s", 1, [], records)
    answer = await admin.get("/admin/usage?by=day,key&format=csv&limit=1&model=m")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    head, *lines = answer.text.splitlines()
    assert head.startswith("day,key,attempts,open,")
    assert len(lines) == 3
    assert "'=k0" in lines[0]
    assert (await admin.get("/admin/usage?format=xml")).status_code == 400


async def test_usage_is_narrowed(admin: httpx.AsyncClient, database: Database) -> None:
    AttemptStore(database).absorb(
        "w", "s", 1, [], [closed("a", key="k1"), closed("b", key="k2"), closed("c", key="k2")]
    )
    [row] = (await admin.get("/admin/usage?by=&key=k2")).json()["data"]
    assert row["attempts"] == 2
