from __future__ import annotations

import httpx
import msgspec
import pytest

from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.lines import day_of
from tests.control.conftest import Control
from tests.ledger.builders import START, closed

pytestmark = pytest.mark.usefixtures("ledger")
SPAN = "start_date=2025-11-24&end_date=2025-11-25"


async def test_by_day_with_its_parts(admin: httpx.AsyncClient) -> None:
    told = (await admin.get(f"/user/daily/activity?{SPAN}")).json()
    second, first = told["results"]
    assert (first["date"], second["date"]) == ("2025-11-24", "2025-11-25")
    assert first["metrics"] == {
        "spend": 6.2e-08, "prompt_tokens": 20, "completion_tokens": 10, "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0, "total_tokens": 30, "successful_requests": 2, "failed_requests": 0,
        "api_requests": 2,
    } | {"cache_read_input_tokens": first["metrics"]["cache_read_input_tokens"]}  # fmt: skip
    parts = first["breakdown"]
    assert parts["models"]["local"]["metrics"]["spend"] == 3.1e-08
    assert (parts["providers"].keys(), parts["entities"].keys()) == ({"local", "openai"}, {"ann"})
    assert parts["api_keys"].keys() == {"k1", "k2"}
    assert told["metadata"]["total_spend"] == 3.63e-07
    assert (told["metadata"]["total_api_requests"], told["metadata"]["has_more"]) == (3, False)
    page = (await admin.get(f"/team/daily/activity?{SPAN}&team_ids=web&page_size=1")).json()
    assert (len(page["results"]), page["metadata"]["has_more"], page["metadata"]["total_tokens"]) == (1, True, 180)
    assert (await admin.get(f"/team/daily/activity?{SPAN}&team_ids=ops")).json()["results"] == []


async def test_tags(admin: httpx.AsyncClient) -> None:
    told = (await admin.get(f"/tag/daily/activity?{SPAN}&tags=a")).json()
    assert [day["breakdown"]["entities"]["a"]["metrics"]["api_requests"] for day in told["results"]] == [1, 2]
    assert told["metadata"]["total_spend"] == 3.63e-07


async def test_organisations_and_customers(admin: httpx.AsyncClient, database: Database) -> None:
    """Of 31 nano-dollars each: one named through a key of nobody, two through one of ann."""
    lines = [
        msgspec.structs.replace(closed("x1"), user="end:kim", tags=()),
        msgspec.structs.replace(closed("x2"), user="ann", tags=("end:kim", "org:acme")),
        msgspec.structs.replace(closed("x3"), user="ann", tags=("end:bob", "org:acme")),
    ]
    AttemptStore(database).absorb("w2", "s", 1, [], lines)
    span = f"start_date={day_of(START)}&end_date={day_of(START)}"
    for noun in ("customer", "end_user"):
        (day,) = (await admin.get(f"/{noun}/daily/activity?{span}")).json()["results"]
        people = {name: one["metrics"]["api_requests"] for name, one in day["breakdown"]["entities"].items()}
        assert (people, day["metrics"]["spend"]) == ({"kim": 2, "bob": 1}, 9.3e-08)
        assert [one["metrics"]["api_requests"] for one in day["breakdown"]["models"].values()] == [1]
    for more, spend in (("end_user_ids=kim", 6.2e-08), ("exclude_end_user_ids=kim", 3.1e-08)):
        (day,) = (await admin.get(f"/customer/daily/activity?{span}&{more}")).json()["results"]
        assert day["metrics"]["spend"] == spend
    (day,) = (await admin.get(f"/organization/daily/activity?{span}")).json()["results"]
    assert (list(day["breakdown"]["entities"]), day["metrics"]["spend"]) == (["acme"], 6.2e-08)
    assert (await admin.get(f"/organization/daily/activity?{span}&organization_ids=x")).json()["results"] == []
    for noun in ("customer", "organization"):
        assert (await admin.get(f"/{noun}/daily/activity?{span}&model=local")).status_code == 400


async def test_days_are_needed_and_others_are_nobodys_business(control: Control, admin: httpx.AsyncClient) -> None:
    assert (await admin.get("/user/daily/activity")).status_code == 400
    made = (await admin.post("/key/generate", json={"user_id": "bob"})).json()
    async with control.client(made["key"]) as own, control.client(control.user_key) as nobodys:
        assert (await own.get(f"/user/daily/activity?{SPAN}")).json()["results"] == []
        assert (await own.get(f"/user/daily/activity?{SPAN}&user_id=ann")).status_code == 403
        assert (await nobodys.get(f"/user/daily/activity?{SPAN}")).status_code == 403
