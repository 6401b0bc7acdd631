"""Keys that another gateway made: known by their SHA-256 until they are used."""

from __future__ import annotations

from hashlib import sha256

import msgspec
import pytest

from glowplug.domain.snapshot import KeyRoute
from glowplug.errors import Unauthenticated
from glowplug.gateway.auth import authenticate
from glowplug.gateway.tables import Tables
from glowplug.secret import key_digest, unused_digest
from tests.gateway.rig import KEYS, PEPPER, key, snapshot


def foreign(token: str, **more: object) -> KeyRoute:
    hashed = sha256(token.encode()).digest()
    route = key(token, token, **more)  # type: ignore[arg-type]
    return msgspec.structs.replace(route, digest=unused_digest(PEPPER, hashed), imported=hashed)


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token.encode()}


@pytest.fixture
def told() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def tables(told: list[tuple[str, bytes]]) -> Tables:
    tables = Tables()
    tables.rehash = lambda key, digest: told.append((key, digest))
    tables.apply(snapshot(revision=1, keys=(*KEYS, foreign("sk-1234"), foreign("sk-Ab_-é"))))
    return tables


@pytest.mark.parametrize("token", ["sk-1234", "sk-Ab_-é"])
def test_it_is_accepted_and_told_once(tables: Tables, told: list[tuple[str, bytes]], token: str) -> None:
    first = authenticate(tables, bearer(token))
    digest = key_digest(PEPPER, token.encode())
    assert told == [(first.route.id, digest)]
    tables.seen_credentials.clear()
    assert authenticate(tables, bearer(token)) is first
    assert len(told) == 1
    assert first.route.digest == digest


def test_the_next_snapshot_may_say_either(tables: Tables, told: list[tuple[str, bytes]]) -> None:
    authenticate(tables, bearer("sk-1234"))
    tables.apply(snapshot(revision=2, keys=(foreign("sk-1234"),)))
    authenticate(tables, bearer("sk-1234"))
    assert len(told) == 2  # control has not heard of it, or did not get to say so
    tables.apply(snapshot(revision=3, keys=(key("sk-1234", "sk-1234"),)))
    authenticate(tables, bearer("sk-1234"))
    assert len(told) == 2
    assert tables.imported == {}


@pytest.mark.parametrize("token", ["sk-12345", sha256(b"sk-1234").hexdigest(), "sk-"])
def test_others_are_refused(tables: Tables, told: list[tuple[str, bytes]], token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticate(tables, bearer(token))
    assert told == []


def test_an_expired_one_is_refused(tables: Tables) -> None:
    tables.apply(snapshot(revision=2, keys=(foreign("sk-1234", expires_at=5.0),)))
    with pytest.raises(Unauthenticated):
        authenticate(tables, bearer("sk-1234"))
