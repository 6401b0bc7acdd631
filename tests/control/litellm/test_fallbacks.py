from __future__ import annotations

import dataclasses

from glowplug.control.app import build_app
from glowplug.domain.snapshot import AliasRoute, Snapshot
from tests.control.conftest import PEPPER, Control


async def test_the_three_kinds(control: Control) -> None:
    alias = AliasRoute(name="a", targets=("x",), fallback=("f",), on_context=("c", "d"))
    snapshot = Snapshot(revision=1, pepper=PEPPER, aliases=(alias,))
    control.app = build_app(dataclasses.replace(control.services, snapshot=lambda: snapshot))
    async with control.client(control.admin_key) as admin:
        assert (await admin.get("/fallback/a")).json() == {
            "model": "a", "fallback_models": ["f"], "fallback_type": "general",
        }  # fmt: skip
        wide = (await admin.get("/fallback/a?fallback_type=context_window")).json()
        assert wide["fallback_models"] == ["c", "d"]
        assert (await admin.get("/fallback/a?fallback_type=content_policy")).status_code == 404
        assert (await admin.get("/fallback/a?fallback_type=other")).status_code == 400
        assert [row["fallback_type"] for row in (await admin.get("/fallback")).json()["fallbacks"]] == [
            "general", "context_window",
        ]  # fmt: skip
        for method in ("POST", "DELETE"):
            path = "/fallback" if method == "POST" else "/fallback/a"
            assert (await admin.request(method, path)).status_code == 501
