from __future__ import annotations

from pathlib import Path

import httpx

from tests.control.conftest import Control


async def test_one_is_made_where_the_server_is_and_never_sent(
    control: Control, admin: httpx.AsyncClient, user: httpx.AsyncClient
) -> None:
    assert (await admin.get("/admin/backup")).json() == {"data": [], "has_more": False, "next": None}
    would = (await admin.post("/admin/backup?dry_run=1")).json()
    assert (would["dry_run"], would["backup"]["bytes"], control.paths.backups.exists()) == (True, None, False)
    made = (await admin.post("/admin/backup", json={"keep": 2})).json()
    one = made["backup"]
    assert Path(one["file"]) == control.paths.backups / one["name"] and one["bytes"] > 1000
    assert one["rows"] == sum(one["tables"].values()) > 0
    assert would["backup"]["tables"] | {"changes": 0} == one["tables"] | {"changes": 0}
    assert (await admin.get("/admin/backup")).json()["data"] == [one]
    for asked, status in (({"keep": 0}, 400), ({"file": "/etc/x"}, 400), ({}, 409)):
        assert (await admin.post("/admin/backup", json=asked)).status_code == status, "named by the second"
    assert (await user.post("/admin/backup")).status_code == 403
    assert (await user.get("/admin/backup")).status_code == 403
