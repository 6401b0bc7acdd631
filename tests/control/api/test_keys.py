from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_create_list_use_revoke(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    made = await admin.post("/admin/keys", json={"name": "n", "role": "admin", "models": ["chat-default"], "rpm": 6})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key = made.json()
    assert control.published == before + 1
    async with control.client(key["key"]) as other:
        assert (await other.get("/admin/status")).status_code == 200
        revoked = await admin.post(f"/admin/keys/{key['id']}/revoke")
        assert revoked.json()["revoked_at"] == control.clock.now
        assert control.published == before + 2
        again = await other.get("/admin/status")
    assert again.status_code == 401
    assert "was revoked" in again.json()["error"]["message"]
    rows = (await admin.get("/admin/keys")).json()["data"]
    assert [row["id"] for row in rows][-1] == key["id"]
    assert all(row["key"] is None and "digest" not in row for row in rows)
    assert key["key"] not in str(rows)


async def test_a_new_key_in_the_place_of_one(admin: httpx.AsyncClient) -> None:
    old = (await admin.post("/admin/keys", json={"name": "n"})).json()
    new = await admin.post(f"/admin/keys/{old['id']}/rotate", json={"overlap": 60})
    assert (new.status_code, new.json()["replaces"]) == (201, old["id"])


async def test_rights_and_priority(admin: httpx.AsyncClient) -> None:
    made = (await admin.post("/admin/keys", json={"rights": "warm", "priority": 9})).json()
    plain = (await admin.post("/admin/keys", json={})).json()
    rows = {row["id"]: (row["rights"], row["priority"]) for row in (await admin.get("/admin/keys")).json()["data"]}
    assert (rows[made["id"]], rows[plain["id"]]) == (("warm", 9), ("evict", 0))


async def test_whose_it_is_and_what_it_may_use(control: Control, admin: httpx.AsyncClient) -> None:
    wanted = {"user": " ann ", "team": "web", "tags": ["x", "y", "x"], "tpm": 5, "concurrency": 2, "budget": "20/month"}
    tried = await admin.post("/admin/keys?dry_run=1", json=wanted)
    assert tried.status_code == 200
    assert control.budgets.every() == ()
    made = (await admin.post("/admin/keys", json=wanted)).json()
    assert (made["user"], made["team"], made["tags"], made["tpm"], made["concurrency"]) == (
        "ann", "web", ["x", "y"], 5, 2,
    )  # fmt: skip
    (budget,) = control.budgets.every()
    assert (budget.scope, budget.name, budget.amount) == ("key", made["id"], 20_000_000_000)
    for wrong in (
        {"user": "end:ann"},
        {"budget": "much"},
        {"tpm": 0},
        {"concurrency": -1},
        {"user": "a\nb"},
        {"team": "x" * 129},
    ):
        assert (await admin.post("/admin/keys", json=wrong)).status_code == 400
    assert len(control.budgets.every()) == 1


async def test_pages(admin: httpx.AsyncClient) -> None:
    first = (await admin.get("/admin/keys?limit=1")).json()
    rest = (await admin.get("/admin/keys", params={"after": first["next"]})).json()
    assert (len(first["data"]), first["has_more"], len(rest["data"]), rest["next"]) == (1, True, 1, None)


async def test_dry_runs(control: Control, admin: httpx.AsyncClient) -> None:
    before = control.published
    tried = await admin.post("/admin/keys?dry_run=1", json={"name": "x"})
    assert (tried.status_code, tried.json()["dry_run"], tried.json()["key"]) == (200, True, None)
    rows = (await admin.get("/admin/keys")).json()["data"]
    await admin.post(f"/admin/keys/{rows[1]['id']}/revoke?dry_run=1")
    assert (await admin.get("/admin/keys")).json()["data"] == rows
    assert control.published == before


async def test_mistakes(admin: httpx.AsyncClient) -> None:
    for body, says in (
        ({"nmae": "x"}, "did you mean name?"),
        ({"models": ["chat-defualt"]}, "chat-default"),
        ({"rpm": -1}, "rpm"),
        ({"rights": "all"}, "rights"),
        ({"priority": 101}, "from -100 to 100"),
        ({"priority": 1.5}, "priority"),
    ):
        answer = await admin.post("/admin/keys", json=body)
        assert answer.status_code == 400
        assert says in str(answer.json())
    assert (await admin.post("/admin/keys/key_0/revoke")).status_code == 404
    assert (await admin.post("/admin/keys", content=b"[" * ((1 << 20) + 1))).status_code == 413
    own = (await admin.get("/admin/keys")).json()["data"][0]["id"]
    assert (await admin.post(f"/admin/keys/{own}/revoke")).status_code == 409
