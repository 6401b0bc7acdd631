from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_status(admin: httpx.AsyncClient) -> None:
    answer = (await admin.get("/admin/status")).json()
    assert (answer["uptime"], answer["revision"], answer["config_path"], answer["workers"]) == (5.0, 9, "/c.yaml", [])


async def test_usage_folds_first(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/admin/usage?by=model&since=2026-01-01")
    assert answer.json() == {"data": [], "has_more": False, "next": None}
    assert control.folds == 1
    for query in ("by=worker", "since=today", "until=2026-13-01", "sicne=2026-01-01"):
        assert (await admin.get(f"/admin/usage?{query}")).status_code == 400
    assert control.folds == 1


async def test_config(control: Control, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/admin/config")).json()["path"] == "/c.yaml"
    assert (await admin.post("/admin/config/check")).json()["ok"] is True
    assert (await admin.post("/admin/config/reload?dry_run=1")).json()["dry_run"] is True
    assert (await admin.post("/admin/config/reload")).json()["changed"] == ["x"]
    assert control.config.reloads == [True, False]
    control.config.bad = True
    answer = await admin.post("/admin/config/reload")
    assert answer.status_code == 422
    [problem] = answer.json()["error"]["problems"]
    assert (problem["line"], problem["message"]) == (3, "no such engine")


async def test_health_needs_no_key(control: Control) -> None:
    async with control.client() as nobody:
        assert (await nobody.get("/health/control")).json() == {"status": "ok"}
