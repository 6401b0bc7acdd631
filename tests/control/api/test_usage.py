from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_usage_folds_first(control: Control, admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/admin/usage?by=model&since=2026-01-01")
    assert answer.json() == {"data": [], "has_more": False, "next": None}
    assert control.folds == 1
    for query in ("by=worker", "since=today", "until=2026-13-01", "sicne=2026-01-01"):
        assert (await admin.get(f"/admin/usage?{query}")).status_code == 400
    assert control.folds == 1
