from __future__ import annotations

import dataclasses

import httpx

from glowplug.control.app import build_app
from glowplug.usecases.clients import sighting
from tests.control.conftest import Control


async def test_clients_are_listed_for_the_address_that_was_asked(admin: httpx.AsyncClient) -> None:
    answer = (await admin.get("/admin/clients")).json()
    assert answer["url"] == f"http://{admin.base_url.netloc.decode()}" and answer["model"] == "chat-default"
    curl = next(row for row in answer["data"] if row["name"] == "curl")
    assert answer["url"] in curl["snippets"][0]["text"] and answer["placeholder"] in curl["snippets"][0]["text"]
    other = (await admin.get("/admin/clients?model=cloud&url=https://models.invalid/v1/")).json()
    assert (other["url"], other["model"]) == ("https://models.invalid", "cloud")
    assert (await admin.get("/admin/clients?model=nothing")).status_code == 404


async def test_who_came_is_shown_with_the_last_use_of_the_key(control: Control) -> None:
    (key, *_) = control.services.keys.every()
    await control.services.keys.used({key.id: 7.0})
    seen = (sighting(key.id, "curl/8", 5.0), sighting("key_gone", "zed/1", 4.0))
    control.app = build_app(dataclasses.replace(control.services, sightings=lambda: seen))
    async with control.client(control.admin_key) as client:
        every = (await client.get("/admin/clients/seen")).json()["data"]
        assert [(row["client"], row["key_used"]) for row in every] == [("curl", 7.0), ("zed", None)]
        zed = (await client.get("/admin/clients/seen?client=zed")).json()["data"]
        assert [row["agent"] for row in zed] == ["zed/1"]
        mine = (await client.get(f"/admin/clients/seen?key={key.id}")).json()["data"]
        assert [row["first"] for row in mine] == [5.0]
        listed = (await client.get("/admin/clients")).json()["data"]
        assert next(row for row in listed if row["name"] == "zed")["seen"][0]["key"] == "key_gone"


async def test_a_member_sees_what_to_do_and_nobody_else(control: Control) -> None:
    mine = control.services.keys.find(control.user_key)
    assert mine is not None
    seen = (sighting(mine.id, "curl/8", 5.0), sighting("key_other", "curl/8", 4.0), sighting("", "zed/1", 4.0))
    control.app = build_app(dataclasses.replace(control.services, sightings=lambda: seen))
    async with control.client(control.user_key) as client:
        answer = (await client.get("/admin/clients?model=cloud")).json()
        assert [one["key"] for row in answer["data"] for one in row["seen"]] == [mine.id] and answer["others"] == []
        assert (answer["model"], answer["models"]) == ("chat-default", []), "other models may be none of theirs"
    async with control.client(control.admin_key) as client:
        assert "chat-default" in (await client.get("/admin/clients")).json()["models"]
