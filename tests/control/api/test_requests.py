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
    found = (await admin.get("/admin/requests?model=m&tag=a&status=200&outcome=ok&since=2025-11-25&asked=asked")).json()
    assert ([one["request"] for one in found["data"]], found["has_more"], found["seen"]) == (["b"], False, None)
    newer = (await admin.get("/admin/requests?newer=a")).json()
    assert [one["request"] for one in newer["data"]] == ["b"]
    shown = (await admin.get("/admin/requests/a")).json()
    assert (shown["attempts"][0]["cost"], shown["tags"]) == (31, ["a", "b"])
    assert (await admin.get("/admin/requests/nobody")).status_code == 404
    for query in (
        "limit=0",
        "limit=many",
        "modle=x",
        "after=nobody",
        "newer=nobody",
        "since=soon",
        "outcome=bad",
        "id=req_",
        "status=x",
    ):
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


async def test_one_in_flight_is_ended_and_noted(admin: httpx.AsyncClient, user: httpx.AsyncClient) -> None:
    assert (await admin.post("/admin/requests/going/cancel")).json() == {"request": "going", "calls": 1}
    (line,) = (await admin.get("/admin/changes?noun=request")).json()["data"]
    assert (line["action"], line["subject"], line["after"]) == ("cancel", "going", {"calls": 1})
    assert (await admin.post("/admin/requests/gone/cancel")).status_code == 404
    assert (await user.post("/admin/requests/going/cancel")).status_code == 403
