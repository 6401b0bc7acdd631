from __future__ import annotations

from hashlib import sha256

import httpx
import msgspec
import pytest

from glowplug.domain.access import Role
from glowplug.domain.budget import Scope
from glowplug.store.database import Database
from glowplug.store.spend import since
from glowplug.usecases.budgets import State
from glowplug.usecases.keys import NewKey
from tests.control.conftest import Control


async def _make(admin: httpx.AsyncClient, **fields: object) -> dict[str, object]:
    answer = await admin.post("/key/generate", json=fields)
    assert answer.status_code == 200, answer.text
    made: dict[str, object] = answer.json()
    return made


async def _info(admin: httpx.AsyncClient, name: object) -> dict[str, object]:
    answer = await admin.get("/key/info", params={"key": str(name)})
    assert answer.status_code == 200, answer.text
    info: dict[str, object] = answer.json()["info"]
    return info


async def test_a_key_is_made_works_and_is_read_back(control: Control, admin: httpx.AsyncClient) -> None:
    made = await _make(
        admin, key_alias="ci", models=["chat-default"], max_budget=0.1, budget_duration="30d", user_id="ann",
        team_id="web", tpm_limit=7, rpm_limit=8, max_parallel_requests=2, duration="1d", metadata={"tags": ["x"]},
    )  # fmt: skip
    (budget,) = control.budgets.every()
    assert (budget.amount, budget.window.value, budget.name) == (100_000_000, "month", made["token"])
    for name in (made["key"], made["token"]):
        info = await _info(admin, name)
        assert (info["max_budget"], info["budget_duration"]) == (0.1, "30d")
    assert "key" not in info and "token" not in info
    assert (info["key_alias"], info["models"], info["user_id"], info["team_id"], info["tags"]) == (
        "ci", ["chat-default"], "ann", "web", ["x"],
    )  # fmt: skip
    assert (info["tpm_limit"], info["rpm_limit"], info["max_parallel_requests"]) == (7, 8, 2)
    assert info["expires"] == "2025-11-25T16:00:00.000000Z"
    async with control.client(str(made["key"])) as own:
        assert (await own.get("/key/info")).json()["info"]["key_alias"] == "ci"
        assert (await own.get("/key/info", params={"key": made["key"]})).status_code == 200
        assert (await own.get("/key/info?key=key_0")).status_code == 403


async def test_a_hash_of_litellms_names_a_key_before_and_after_it_was_used(
    control: Control, admin: httpx.AsyncClient
) -> None:
    hashed = sha256(b"sk-old").hexdigest()
    made = await _make(admin, key_alias="old")
    key = next(key for key in control.keys.every() if key.id == made["token"])
    fresh = msgspec.structs.replace(key, imported=bytes.fromhex(hashed))
    for state in (fresh, msgspec.structs.replace(fresh, digest=b"d" * 32)):
        control.keys._set({**control.keys._keys, state.id: state})
        for name in (hashed, "sk-old", state.id):
            assert (await _info(admin, name))["key_alias"] == "old"
    assert (await admin.get("/key/list?key_alias=old")).json()["keys"] == [hashed]
    assert (await admin.get("/key/info", params={"key": "0" * 64})).status_code == 404


async def test_update_changes_what_is_sent_and_null_takes_away(control: Control, admin: httpx.AsyncClient) -> None:
    made = await _make(admin, key_alias="a", rpm_limit=5, max_budget=1, tags=["x"], duration="1h")
    name = made["token"]
    await admin.post("/key/update", json={"key": made["key"], "tpm_limit": 9, "budget_duration": "7d"})
    info = await _info(admin, name)
    assert (info["key_alias"], info["rpm_limit"], info["tpm_limit"], info["max_budget"]) == ("a", 5, 9, 1.0)
    assert (info["budget_duration"], info["tags"]) == ("7d", ["x"])
    cleared = {"key": name, "rpm_limit": None, "max_budget": None, "duration": None, "tags": [], "key_alias": "b"}
    assert (await admin.post("/key/update", json=cleared)).status_code == 200
    info = await _info(admin, name)
    assert (info["key_alias"], info["rpm_limit"], info["max_budget"], info["expires"]) == ("b", None, None, None)
    assert (info["tags"], control.budgets.every()) == ([], ())
    await control.keys.load()
    assert (await _info(admin, name))["tpm_limit"] == 9
    for wrong in (
        {"models": ["nothing"]},
        {"rpm_limit": 0},
        {"duration": "soon"},
        {"max_budget": -1},
        {"rpm_limit": "x"},
    ):
        assert (await admin.post("/key/update", json={"key": name, **wrong})).status_code == 400, wrong
    assert (await _info(admin, name))["models"] == []


async def test_many_are_changed_each_by_itself(admin: httpx.AsyncClient) -> None:
    one, two = await _make(admin, key_alias="one"), await _make(admin, key_alias="two")
    sent = [{"key": one["key"], "rpm_limit": 5}, {"key": two["token"], "rpm_limit": 0}, {"key": "sk-gone"}]
    told = (await admin.post("/key/bulk_update", json={"keys": sent})).json()
    assert (told["total_requested"], len(told["successful_updates"]), len(told["failed_updates"])) == (3, 1, 2)
    assert told["successful_updates"][0]["key_info"]["rpm_limit"] == 5
    refused, unknown = told["failed_updates"]
    assert (refused["key_info"]["key_alias"], unknown["key_info"]) == ("two", None)
    assert refused["failed_reason"] and unknown["failed_reason"]
    assert ((await _info(admin, one["token"]))["rpm_limit"], (await _info(admin, two["token"]))["rpm_limit"]) == (
        5,
        None,
    )
    for wrong in ({"keys": []}, {"keys": [{"key": "x"}] * 501}, {"keys": ["x"]}):
        assert (await admin.post("/key/bulk_update", json=wrong)).status_code == 400


async def test_whoever_asks_has_a_good_key(user: httpx.AsyncClient) -> None:
    assert (await user.post("/key/health")).json() == {"key": "healthy", "logging_callbacks": None}


async def test_tags_that_stand_for_something_else_are_not_touched(control: Control, admin: httpx.AsyncClient) -> None:
    made = await control.keys.create(NewKey(tags=("member:web/ann", "org:1", "x")), frozenset())
    await admin.post("/key/update", json={"key": made.id, "tags": ["y"]})
    assert control.keys._keys[made.id].tags == ("member:web/ann", "org:1", "y")
    assert (await _info(admin, made.id))["tags"] == ["y"]
    await admin.post("/key/update", json={"key": made.id, "budget_id": "b"})
    assert control.keys._keys[made.id].tags == ("member:web/ann", "org:1", "y", "budget:b")


async def test_block_unblock_delete(control: Control, admin: httpx.AsyncClient) -> None:
    made = await _make(admin, key_alias="a")
    async with control.client(str(made["key"])) as own:
        assert (await admin.post("/key/block", json={"key": made["key"]})).json()["blocked"] is True
        refused = await own.get("/key/info")
        assert (refused.status_code, "is blocked" in refused.text) == (403, True)
        assert made["token"] not in {key.id for key in control.keys.usable()}
        assert (await admin.post("/key/unblock", json={"key": made["token"]})).json()["blocked"] is False
        assert (await own.get("/key/info")).status_code == 200
        gone = await admin.post("/key/delete", json={"keys": [made["key"]]})
        assert gone.json() == {"deleted_keys": [made["key"]]}
        assert (await own.get("/key/info")).status_code == 401
    assert (await admin.get("/key/info", params={"key": made["key"]})).status_code == 404
    await _make(admin, key_alias="b")
    assert (await admin.post("/key/delete", json={"key_aliases": ["b"]})).status_code == 200
    assert (await admin.post("/key/delete", json={})).status_code == 400


async def test_the_last_admin_key_stays(control: Control, admin: httpx.AsyncClient) -> None:
    (key,) = (key for key in control.keys.every() if key.role is Role.ADMIN)
    for path, body in (
        ("/key/block", {"key": key.id}),
        ("/key/delete", {"keys": [key.id]}),
        ("/key/update", {"key": key.id, "blocked": True}),
    ):
        assert (await admin.post(path, json=body)).status_code == 409
    assert control.keys.usable()


async def test_regenerate(control: Control, admin: httpx.AsyncClient) -> None:
    old = await _make(
        admin, key_alias="a", rpm_limit=5, max_budget=2, budget_duration="5h", allowed_routes=["/v1/models"]
    )
    answer = await admin.post(f"/key/{old['key']}/regenerate", json={"tpm_limit": 6, "grace_period": "1h"})
    new = answer.json()
    assert new["key"] != old["key"]
    assert (new["key_alias"], new["rpm_limit"], new["tpm_limit"], new["max_budget"], new["budget_duration"]) == (
        "a", 5, 6, 2.0, "5h",
    )  # fmt: skip
    assert new["allowed_routes"] == ["/v1/models"]
    kept = control.keys._keys[str(old["token"])]
    assert kept.expires_at == control.clock.now + 3600
    assert control.keys._keys[new["token"]].replaces == kept.id
    again = (await admin.post("/key/regenerate", json={"key": new["key"]})).json()
    async with control.client(new["key"]) as late:
        assert (await late.get("/key/info")).status_code == 401
    assert (again["rpm_limit"], again["max_budget"], len(control.budgets.every())) == (5, 2.0, 1)
    assert (await admin.post("/key/update", json={"key": again["key"], "max_budget": 3})).json()["max_budget"] == 3.0
    assert len(control.budgets.every()) == 1
    assert (await admin.post("/key/regenerate", json={"key": again["key"], "new_key": "sk-x"})).status_code == 400


async def test_lists_in_pages(admin: httpx.AsyncClient) -> None:
    names = [f"k{number}" for number in range(5)]
    tokens = [(await _make(admin, key_alias=name, user_id="ann"))["token"] for name in names]
    query = "/key/list?user_id=ann&sort_by=key_alias&sort_order=asc&size=2"
    first, last = [(await admin.get(f"{query}&page={page}")).json() for page in (1, 3)]
    assert first == {"keys": tokens[:2], "total_count": 5, "current_page": 1, "total_pages": 3}
    assert last["keys"] == tokens[4:]
    assert (await admin.get("/key/list?key_alias=k3")).json()["keys"] == tokens[3:4]
    assert (await admin.get("/key/aliases?search=K4")).json()["aliases"] == ["k4"]
    for wrong in ("page=0", "size=x", "sort_by=token", "size=99999999999999999999"):
        assert (await admin.get(f"/key/list?{wrong}")).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "sk-mine"},
        {"models": ["nothing"]},
        {"models": ["no-default-models"]},
        {"max_budget": -1},
        {"max_budget": "much"},
        {"max_budget": 1, "budget_duration": "soon"},
        {"max_budget": 1, "budget_duration": "5s"},
        {"duration": "0d"},
        {"rpm_limit": -1},
        {"tpm_limit": "x"},
        {"model_max_budget": {"m": 1}},
        {"model_rpm_limit": {"m": 1}},
        {"aliases": {"a": "b"}},
        {"guardrails": ["g"]},
        {"tpd_limit": 5},
    ],
)
async def test_what_cannot_be_had_is_refused(control: Control, admin: httpx.AsyncClient, fields: object) -> None:
    before = control.keys.every()
    answer = await admin.post("/key/generate", json=fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "400"), answer.text
    assert (control.keys.every(), control.budgets.every()) == (before, ())


async def test_a_keys_budget_begins_again(control: Control, admin: httpx.AsyncClient, database: Database) -> None:
    made = (await admin.post("/key/generate", json={"max_budget": 2, "budget_duration": "30d"})).json()
    (own,) = control.budgets.every()
    control.states[own.id] = State(spent=1_500_000_000, reserved=0, starts=0.0, ends=float("inf"))
    path = f"/key/{made['key']}/reset_spend"
    reset = await admin.post(path, json={"reset_to": 0.25})
    assert reset.json() == {
        "key_hash": made["token"], "spend": 0.25, "previous_spend": 1.5, "max_budget": 2.0, "budget_reset_at": None,
    }  # fmt: skip
    assert database.call(lambda c: since(c, Scope.KEY, own.name, 0.0)) == -1_250_000_000, "beside the ledger's 1.5"
    for wrong in ({}, {"reset_to": -1}, {"reset_to": True}, {"reset_to": 1.6}):
        assert (await admin.post(path, json=wrong)).status_code == 400, wrong
    bare = (await admin.post("/key/generate", json={})).json()
    assert (await admin.post(f"/key/{bare['key']}/reset_spend", json={"reset_to": 0})).status_code == 400
