from __future__ import annotations

import dataclasses

import httpx
import msgspec

from glowplug.control.app import build_app
from glowplug.domain.snapshot import AliasRoute
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from tests.control.conftest import Control
from tests.ledger.builders import START, closed
from tests.usecases.managers import CATALOG


async def test_models_that_should_be_called_something_else(admin: httpx.AsyncClient) -> None:
    rows = {row["name"]: row for row in (await admin.get("/admin/names")).json()["data"]}
    assert "chat-default" not in rows
    assert rows["local"]["command"] == f"glowplug rename local {rows['local']['proposed']}"
    assert "type" in rows["local"]["why"]


async def test_mistakes(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/admin/names?wrong=1")
    assert (answer.status_code, "wrong" in answer.text) == (400, True)


async def test_who_uses_names_that_are_deprecated(
    control: Control, admin: httpx.AsyncClient, database: Database
) -> None:
    assert (await admin.get("/admin/names?deprecated=true")).json()["data"] == []
    AttemptStore(database).absorb("w", "s", 1, [], [closed("r", key="k1")])
    old = AliasRoute(name="asked", targets=("cloud",), deprecated=int(START))
    catalog = msgspec.structs.replace(CATALOG, aliases=(old,))
    control.app = build_app(dataclasses.replace(control.services, catalog=lambda: catalog))
    async with control.client(control.admin_key) as client:
        (row,) = (await client.get("/admin/names?deprecated=true")).json()["data"]
    assert row == {
        "name": "asked", "targets": ["cloud"], "since": START, "requests": 1, "last": START,
        "uses": [{"key": "k1", "user": "ann", "requests": 1, "first": START, "last": START}],
    }  # fmt: skip
    async with control.client(control.user_key) as client:
        assert (await client.get("/admin/names?deprecated=true")).status_code == 403
