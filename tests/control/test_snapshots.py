from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.control.snapshots import build_snapshot
from glowplug.domain.access import ApiKey, Rights, Role
from tests.usecases.managers import CATALOG

KEY = ApiKey(
    id="1", name="n", display="d", role=Role.ADMIN, models=("local",), rpm=7, expires_at=5.0, digest=b"x" * 32,
    rights=Rights.START, priority=2,
)  # fmt: skip


@given(workers=st.integers(0, 64), slots=st.integers(1, 10_000))
def test_places_in_line_are_divided_and_never_become_nothing_or_more(workers: int, slots: int) -> None:
    models = tuple(msgspec.structs.replace(model, max_concurrency=slots) for model in CATALOG.models)
    catalog = msgspec.structs.replace(CATALOG, workers=workers, models=models)
    for model in build_snapshot(catalog, [KEY], b"p" * 32, 1).models:
        assert model.max_concurrency is not None
        assert model.max_concurrency >= 1
        assert model.max_concurrency * max(1, workers) <= max(slots, workers)


def test_everything_a_worker_needs_is_there() -> None:
    catalog = msgspec.structs.replace(CATALOG, workers=2, stale="line 3 is wrong")
    snapshot = build_snapshot(catalog, [KEY], b"p" * 32, 42)
    assert (snapshot.revision, snapshot.pepper, snapshot.stale) == (42, b"p" * 32, "line 3 is wrong")
    assert [m.name for m in snapshot.models] == ["local", "cloud", "unset"]
    cloud = snapshot.models[1]
    assert (cloud.rpm, cloud.max_concurrency, cloud.api_key) == (10, 1, "sk-provider-secret")
    assert snapshot.aliases[0].rpm == 5
    assert msgspec.structs.asdict(snapshot.keys[0]) == {
        "id": "1", "digest": b"x" * 32, "role": Role.ADMIN, "models": ("local",), "rpm": 7, "expires_at": 5.0,
        "rights": Rights.START, "priority": 2, "user": "", "team": "", "tags": (), "tpm": None, "concurrency": None,
        "cached": False, "log_bodies": False, "end_users": False, "routes": (), "blocked": "", "row": "",
    }  # fmt: skip
    assert (snapshot.hosts, snapshot.origins, snapshot.limits) == (CATALOG.hosts, CATALOG.origins, CATALOG.limits)


def test_fewer_places_than_workers_are_one_each() -> None:
    catalog = msgspec.structs.replace(CATALOG, workers=20)
    assert build_snapshot(catalog, [], b"", 1).models[1].max_concurrency == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_configuration_is_not_changed(count: int) -> None:
    before = msgspec.msgpack.encode(CATALOG)
    build_snapshot(msgspec.structs.replace(CATALOG, workers=count), [KEY], b"", 1)
    assert msgspec.msgpack.encode(CATALOG) == before
