from __future__ import annotations

import os

import httpx

from glowplug.control.api.footprint import FootprintView, footprint


async def test_it_says_what_the_gateway_takes(admin: httpx.AsyncClient) -> None:
    found = (await admin.get("/admin/footprint")).json()
    assert found["processes"] == 1
    assert found["memory"] > 1_000_000
    assert found["cpu_seconds"] > 0


def test_nothing_is_known_of_processes_that_are_gone() -> None:
    assert footprint((2**22 + 1,)) == FootprintView()
    twice = footprint((os.getpid(), os.getpid(), 2**22 + 1))
    assert twice.processes == 1
