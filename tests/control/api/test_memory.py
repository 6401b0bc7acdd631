from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_devices_with_who_holds_them(control: Control, admin: httpx.AsyncClient) -> None:
    answer = (await admin.get("/admin/memory")).json()
    assert answer["problems"] == ["gpu2 is lost"]
    gpu = answer["data"][0]
    assert (gpu["id"], gpu["total"], gpu["reserve"], gpu["others"]) == ("gpu0", 24 << 30, 1 << 30, None)
    assert (await admin.get("/admin/memory?device=gpu0")).status_code == 400
