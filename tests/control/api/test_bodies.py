from __future__ import annotations

from dataclasses import replace

from glowplug.control.app import build_app, endpoints
from glowplug.store.database import Database
from glowplug.usecases.bodies import Bodies
from tests.control.conftest import Control
from tests.store.test_bodies import ONE


async def test_shown_and_deleted_by_admins_only(control: Control, database: Database) -> None:
    bodies = Bodies(database, control.clock, lambda: 1e12)
    await bodies.log(ONE)
    control.app = build_app(replace(control.services, bodies=bodies))
    async with control.client(control.admin_key) as admin, control.client(control.user_key) as user:
        assert (await user.get("/admin/requests/r1/bodies")).status_code == 403
        shown = await admin.get("/admin/requests/r1/bodies")
        assert (shown.status_code, shown.json()["sent"]) == (200, "{}")
        assert (await user.delete("/admin/keys/k1/bodies")).status_code == 403
        assert (await admin.delete("/admin/keys/k1/bodies")).json() == {"key": "k1", "removed": 1}
        assert (await admin.get("/admin/requests/r1/bodies")).status_code == 404


async def test_without_a_log_there_is_no_route(control: Control) -> None:
    assert not [one.path for one in endpoints(control.services) if "bodies" in one.path]
