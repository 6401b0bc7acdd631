"""Everybody with a key reads the document; it has what is there."""

from __future__ import annotations

import httpx

from tests.control.conftest import Control


async def test_the_document_has_what_is_there(control: Control, user: httpx.AsyncClient) -> None:
    answer = await user.get("/openapi.json")
    assert answer.status_code == 200
    paths = answer.json()["paths"]
    assert {"/admin/keys", "/openapi.json", "/key/generate"} <= set(paths)
    assert "/admin/keys/{id}/bodies" not in paths  # no log of bodies is kept here
    async with control.client() as nobody:
        assert (await nobody.get("/openapi.json")).status_code == 401
