"""Who may do what: every endpoint of the control process, asked by everybody."""

from __future__ import annotations

import dataclasses

import pytest

from glowplug.control.answers import error_answer
from glowplug.control.app import build_app, endpoints
from glowplug.control.auth import Policy
from glowplug.control.services import Services
from glowplug.domain.access import Role
from glowplug.store.database import Database
from glowplug.usecases.bodies import Bodies
from glowplug.usecases.keys import NewKey
from glowplug.usecases.teams import NewMember, NewTeam
from glowplug.usecases.users import NewUser
from tests.control.conftest import Control
from tests.usecases.people import ROOT

ACTORS = ("nobody", "user", "viewer", "admin", "blocked", "manager")
MAY = {
    "everybody": frozenset(ACTORS),
    "models": frozenset(("user", "admin", "manager")),
    "look": frozenset(("viewer", "admin")),
    "admin": frozenset(("admin",)),
    "member": frozenset(("user", "manager")),
    "ends": frozenset(("user", "admin", "manager")),
    "own": frozenset(("user", "viewer", "admin", "manager")),
    "manager": frozenset(("manager",)),
}
"""`manager`: of the team `ann`, and of no other."""
TABLE = """
GET /health/control everybody
GET /metrics models
GET /v1/responses/{id} models
GET /v1/responses/{id}/input_items models
DELETE /v1/responses/{id} models
POST /v1/responses/{id}/cancel models
POST /v1/responses/input_tokens models
GET /internal/responses/{id} models
GET /admin/footprint look
GET /admin/status look
GET /admin/instances look
GET /admin/models look
GET /admin/models/{name:path}/logs look
GET /admin/models/{name:path}/runs look
POST /admin/models/{name:path}/start admin
POST /admin/models/{name:path}/stop admin
GET /admin/names look
GET /admin/plan/{name:path} look
GET /admin/models/{name:path}/fit look
POST /admin/route look
GET /admin/memory look
GET /admin/leases look
POST /admin/leases admin
POST /admin/leases/{id}/release admin
DELETE /admin/leases/{id} admin
GET /admin/keys look
POST /admin/keys admin
PATCH /admin/keys/{id} admin
POST /admin/keys/{id}/rotate admin
POST /admin/keys/{id}/revoke admin
DELETE /admin/keys/{id}/bodies admin
GET /admin/budgets look
POST /admin/budgets admin
POST /admin/budgets/{id}/reset admin
DELETE /admin/budgets/{id} admin
GET /admin/limits look
POST /admin/limits admin
DELETE /admin/limits admin
GET /admin/credentials look
PUT /admin/credentials admin
DELETE /admin/credentials admin
POST /admin/credentials/rotate admin
GET /admin/backup look
POST /admin/backup admin
GET /admin/usage look
GET /admin/requests look
GET /admin/speeds look
GET /admin/requests/{id} look
GET /admin/requests/{id}/bodies admin
POST /admin/requests/{id}/cancel admin
GET /admin/ledger/check look
POST /admin/ledger/rebuild admin
GET /admin/clients own
GET /admin/clients/seen look
POST /admin/discover look
GET /admin/config look
POST /admin/config/check look
GET /admin/config/file admin
PUT /admin/config/file admin
POST /admin/config/reload admin
GET /admin/events look
GET /admin/users look
POST /admin/users admin
GET /admin/users/{id} look
PATCH /admin/users/{id} admin
DELETE /admin/users/{id} admin
GET /admin/teams look
POST /admin/teams admin
GET /admin/teams/{id} look
PATCH /admin/teams/{id} admin
DELETE /admin/teams/{id} admin
GET /admin/teams/{id}/members look
PUT /admin/teams/{id}/members admin
DELETE /admin/teams/{id}/members admin
GET /admin/changes look
POST /admin/doctor/litellm admin
POST /admin/doctor/litellm/repairs/{id}/undo admin
GET /admin/doctor/checks look
POST /admin/doctor/examine look
POST /admin/doctor/repair admin
GET /admin/doctor/repairs look
POST /admin/doctor/repairs/{id}/undo admin
GET /admin/providers look
GET /admin/providers/{name:path} look
GET /admin/models/{name:path} look
GET /admin/aliases/{name:path} look
POST /admin/providers admin
PATCH /admin/providers/{name:path} admin
DELETE /admin/providers/{name:path} admin
POST /admin/models admin
PATCH /admin/models/{name:path} admin
DELETE /admin/models/{name:path} admin
POST /admin/aliases admin
PATCH /admin/aliases/{name:path} admin
DELETE /admin/aliases/{name:path} admin
GET /admin/invitations look
POST /admin/invitations admin
DELETE /admin/invitations/{id} admin
GET /admin/sessions own
DELETE /admin/sessions ends
DELETE /admin/sessions/{id} ends
GET /admin/me own
POST /admin/me/password own
POST /admin/me/keys member
POST /admin/me/keys/{id}/revoke member
GET /admin/me/teams/{id} manager
GET /admin/me/teams/{id}/usage manager
PUT /admin/me/teams/{id}/members manager
DELETE /admin/me/teams/{id}/members manager
POST /admin/me/teams/{id}/keys manager
PATCH /admin/me/teams/{id}/keys/{key} manager
POST /admin/me/teams/{id}/keys/{key}/rotate manager
POST /admin/me/teams/{id}/keys/{key}/revoke manager
GET /openapi.json own
GET /ui everybody
GET /ui/{path:path} everybody
"""
"""Method, path, and who may; a new endpoint has a row here, or the first test fails."""

ROWS = {(row.split()[0], row.split()[1]): row.split()[2] for row in TABLE.strip().splitlines()}
STREAMS = {("GET", "/admin/events")}
"""Where an answer does not end; only refusals are looked at."""
TARGETS = ("ann", "other")
"""A user of this name, a team of this name, and whatever else an id can be of."""


async def no_figures() -> bytes:
    return b""


def whole(control: Control, database: Database) -> Services:
    """Services with every optional part, so that every endpoint is there."""
    bodies = Bodies(database, control.clock, lambda: 1.0)
    return dataclasses.replace(control.services, bodies=bodies, scrape=no_figures)


async def people(control: Control) -> dict[str, str]:
    """Everybody who asks, with their keys; all but the admin and the manager are `ann`."""
    for name in TARGETS:
        await control.users.create(NewUser(id=name), frozenset(), actor=ROOT)
        await control.teams.create(NewTeam(id=name), frozenset(), actor=ROOT)
    found = {"nobody": "", "admin": control.admin_key}
    for name, role in (("user", Role.USER), ("viewer", Role.VIEWER), ("blocked", Role.ADMIN)):
        user = "other" if name == "blocked" else "ann"
        found[name] = (await control.keys.create(NewKey(role=role, user=user), frozenset())).key or ""
    await control.users.create(NewUser(id="mia"), frozenset(), actor=ROOT)
    await control.teams.put_member("ann", NewMember(user="mia", manager=True), actor=ROOT)
    await control.teams.put_member("other", NewMember(user="mia"), actor=ROOT)
    await control.teams.put_member("ann", NewMember(user="ann"), actor=ROOT)
    found["manager"] = (await control.keys.create(NewKey(user="mia"), frozenset())).key or ""
    other = control.users.get("other")
    control.users._set({**control.users._users, "other": type(other)(id="other", blocked_at=1.0)})
    return found


def test_every_endpoint_is_in_the_table(control: Control, database: Database) -> None:
    without = (Policy.LOGIN, Policy.RETURN, Policy.PERSON)  # for people who bring no key: tests/control/test_app.py
    every = [one for one in endpoints(whole(control, database)) if one.policy not in without]
    # Those of LiteLLM's have a table of their own in tests/control/litellm/test_mounted.py.
    assert {(one.method, one.path) for one in every if one.errors is error_answer} == set(ROWS)


@pytest.mark.parametrize("actor", ACTORS)
async def test_nobody_does_what_is_not_theirs(control: Control, database: Database, actor: str) -> None:
    keys = await people(control)
    control.app = build_app(whole(control, database))
    async with control.client(keys[actor] or None) as client:
        for (method, path), who in ROWS.items():
            for target in TARGETS:
                allowed = actor in MAY[who] and (who != "manager" or target == "ann")
                if allowed and ((method, path) in STREAMS or method not in ("GET", "POST")):
                    continue
                before = await state(control)
                url = (
                    path.replace("{name:path}", target)
                    .replace("{path:path}", target)
                    .replace("{name}", target)
                    .replace("{id}", target)
                    .replace("{key}", target)
                )
                answer = await client.request(method, url, json=None if method == "GET" else {})
                where = f"{actor}: {method} {url}: {answer.status_code} {answer.text}"
                assert (answer.status_code in (401, 403)) is not allowed, where
                if not allowed:
                    assert answer.status_code == (401 if actor == "nobody" else 403), where
                    assert await state(control) == before, where


async def state(control: Control) -> object:
    """What somebody could have changed."""
    lines = await control.changes.newest(1)
    return [
        [line.id for line in lines.data], control.keys.list().data, control.users.every(), control.teams.every(),
        control.budgets.every(), control.limits.every(), tuple(control.config.reloads),
    ]  # fmt: skip
