from __future__ import annotations

import os

import httpx

from glowplug import __version__
from tests.control.conftest import Control


async def test_status(admin: httpx.AsyncClient) -> None:
    answer = (await admin.get("/admin/status")).json()
    assert (answer["version"], answer["pid"], answer["stale"]) == (__version__, os.getpid(), "")
    assert (answer["uptime"], answer["revision"], answer["config_path"], answer["workers"]) == (5.0, 9, "/c.yaml", [])


async def test_health_needs_no_key(control: Control) -> None:
    async with control.client() as nobody:
        assert (await nobody.get("/health/control")).json() == {"status": "ok"}
