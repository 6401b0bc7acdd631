from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from glowplug.control.api.leases import _while_connected
from glowplug.errors import RequestTimeout
from glowplug.usecases.leases import NewLease
from tests.control.conftest import Control
from tests.control.serving import served
from tests.waiting import until

BODY = {"memory": "14GiB", "device": "", "seconds": 1200, "note": "comfyui", "wait": 60}


async def test_ask_list_give_back(control: Control, admin: httpx.AsyncClient) -> None:
    control.planner.room.set()
    made = await admin.post("/admin/leases", json=BODY)
    assert made.status_code == 201
    lease = made.json()
    assert (lease["device"], lease["bytes"], lease["state"], lease["until"]) == ("gpu0", 14 << 30, "held", 1205.0)
    assert (await admin.get("/admin/leases")).json()["data"] == [lease]
    tried = await admin.post(f"/admin/leases/{lease['id']}/release?dry_run=1")
    assert (tried.status_code, tried.json()) == (200, lease)
    assert (await admin.post(f"/admin/leases/{lease['id']}/release")).json() == lease
    assert (await admin.get("/admin/leases")).json()["data"] == []
    second = (await admin.post("/admin/leases", json=BODY)).json()
    assert (await admin.delete(f"/admin/leases/{second['id']}")).json() == second
    assert (await admin.delete(f"/admin/leases/{second['id']}")).status_code == 404


async def test_a_dry_run_says_what_would_be_done(control: Control, admin: httpx.AsyncClient) -> None:
    tried = await admin.post("/admin/leases?dry_run=1", json=BODY)
    assert (tried.status_code, tried.json()["claim"]) == (200, {"gpu0": 14 << 30})
    assert control.planner.wanted == []


async def test_no_room_says_why_and_when(control: Control, admin: httpx.AsyncClient) -> None:
    control.planner.refusing = True
    answer = await admin.post("/admin/leases", json=BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert (answer.json()["error"]["code"], answer.json()["error"]["message"]) == (
        "no_room",
        "chat is in use (wait longer)",
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"memory": "0"}, "memory is 0"),
        ({"memory": None}, "memory"),
        ({"memory": 1.5}, "memory"),
        ({"seconds": 0}, "seconds is 0"),
        ({"seconds": "20m"}, "seconds"),
        ({"device": "gpu7"}, "there is no device"),
        ({"memory": "1TiB"}, "could ever give"),
        ({"memroy": 1}, "did you mean memory?"),
        ({"wait": 1e9}, "wait is 1e+09"),
    ],
)
async def test_mistakes(control: Control, admin: httpx.AsyncClient, change: dict[str, object], says: str) -> None:
    answer = await admin.post("/admin/leases", json={**BODY, **change})
    assert answer.status_code == 400
    assert says in answer.text
    assert control.planner.wanted == []


async def test_what_is_missing_is_named(admin: httpx.AsyncClient) -> None:
    assert "memory" in (await admin.post("/admin/leases", json={})).json()["error"]["message"]


async def test_whoever_leaves_while_waiting_gets_no_memory(control: Control, tmp_path: Path) -> None:
    async with served(control, tmp_path / "c.sock") as client:
        asking = asyncio.ensure_future(client.post("/admin/leases", json=BODY))
        await control.planner.asked.wait()
        assert len(control.planner.leases) == 1
        asking.cancel()
        await until(lambda: control.planner.withdrawn == 1)
    assert control.planner.leases == {}


async def test_memory_that_came_in_the_moment_somebody_left_is_given_back(control: Control) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    control.planner.room.set()
    assert control.services.leases is not None
    wanted = NewLease(memory="1GiB", seconds=60.0)
    with pytest.raises(RequestTimeout):
        await _while_connected(Request({"type": "http"}, receive), control.services.leases, wanted)
    assert len(control.planner.wanted) == 1
    assert control.planner.leases == {}
