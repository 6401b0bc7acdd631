from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_set_list_delete(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    for rpm in (5, 6):
        put = await admin.post("/admin/limits", json={"scope": "team", "name": "web", "rpm": rpm})
        assert put.status_code == 200
    await admin.post("/admin/limits", json={"tpm": 1000, "concurrency": 3})
    assert control.published == before + 3
    rows = (await admin.get("/admin/limits")).json()["data"]
    assert [(row["scope"], row["name"], row["rpm"], row["tpm"], row["concurrency"]) for row in rows] == [
        ("all", "", None, 1000, 3), ("team", "web", 6, None, None),
    ]  # fmt: skip
    first = (await admin.get("/admin/limits?limit=1")).json()
    assert len((await admin.get("/admin/limits", params={"after": first["next"]})).json()["data"]) == 1
    assert (await admin.delete("/admin/limits?scope=team&name=web")).status_code == 200
    assert (await admin.delete("/admin/limits")).status_code == 200
    assert (await admin.get("/admin/limits")).json()["data"] == []
    assert control.published == before + 5


async def test_dry_runs_and_mistakes(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    assert (await admin.post("/admin/limits?dry_run=1", json={"rpm": 5})).json()["dry_run"]
    assert (await admin.get("/admin/limits")).json()["data"] == []
    for body, says in (
        ({}, "nothing is limited"),
        ({"rpm": 0}, "rpm is 0"),
        ({"scope": "key", "name": "k", "rpm": 1}, "key"),
        ({"scope": "model", "name": "nobody", "rpm": 1}, "there is no model"),
    ):
        refused = await admin.post("/admin/limits", json=body)
        assert refused.status_code == 400
        assert says in str(refused.json())
    assert (await admin.delete("/admin/limits?scope=team&name=web")).status_code == 404
    assert (await admin.delete("/admin/limits?scope=planet")).status_code == 400
    assert control.published == before
