from __future__ import annotations

import httpx

from tests.control.conftest import Control


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
