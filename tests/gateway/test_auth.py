"""Who is asking: headers, keys, expiry, roles, and what is remembered."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from glowplug.domain.access import Role
from glowplug.domain.snapshot import KeyRoute
from glowplug.errors import Forbidden, Unauthenticated, Unavailable
from glowplug.gateway.auth import authenticate
from glowplug.gateway.tables import Tables
from tests.gateway.rig import (
    ADMIN,
    KEY,
    KEYS,
    Rig,
    chat,
    key,
    snapshot,
    whole,
)


@pytest.mark.parametrize(("headers", "token", "status"), [
    ([], None, 401), ([], "sk-gp-nobody", 401), (["Authorization: Basic eA=="], None, 401),
    (["X-Api-Key: x"], None, 401),
    (["Authorization: Bearer"], None, 401), ([f"X-Api-Key: {KEY}"], None, 0), ([f"Api-Key: {KEY}"], None, 0),
    ([f"X-Api-Key: {KEY}"], "wrong", 401),
])  # fmt: skip
def test_authentication(rig: Rig, headers: list[str], token: str | None, status: int) -> None:
    client = rig.ask(chat(), headers=headers, token=token)
    if not status:
        rig.reply(whole())
        assert client.answer.status == 200
        return
    assert client.answer.status == status
    assert client.answer.headers["www-authenticate"] == "Bearer"
    assert client.answer.json["error"]["type"] == "authentication_error"
    assert sum(rig.plane.metrics.auth_failures.values()) == 1
    assert rig.ups == []


def test_a_key_beside_somebody_elses_credentials_decides(rig: Rig) -> None:
    """Those in `Authorization` are known here too: neither the first request nor one that is remembered takes them."""
    for token in (KEY, "somebody-elses"):
        for beside, status in ((f"Bearer {KEY}", 200), ("sk-gp-nobody", 401), (KEY, 200)):
            client = rig.ask(chat(), token=token, headers=[f"x-litellm-api-key: {beside}"])
            if status == 200:
                assert KEY.encode() not in rig.up().request
                assert b"somebody-elses" not in rig.up().request
                rig.reply(whole())
            assert client.answer.status == status


def test_an_expired_key_and_a_server_without_snapshot(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key("old", "old", expires_at=5.0), *KEYS)))
    assert rig.ask(chat(), token="old").answer.status == 401
    rig.plane.tables.snapshot = snapshot(revision=-1)
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.headers["retry-after"] == "1"


def _tables(*keys: KeyRoute, revision: int = 1) -> Tables:
    tables = Tables()
    tables.apply(snapshot(revision=revision, keys=keys))
    return tables


def _bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {token}".encode()}


USER, BOSS = key(KEY, "user"), key(ADMIN, "admin", role=Role.ADMIN)


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
@pytest.mark.parametrize("expires", [None, 5.0, 4e9])
@pytest.mark.parametrize("owner", [USER, BOSS])
@pytest.mark.parametrize("header", [b"authorization", b"x-api-key", b"api-key"])
def test_header_by_key_by_expiry_by_role(
    header: bytes, owner: KeyRoute, expires: float | None, role: Role, seen: bool
) -> None:
    token = KEY if owner is USER else ADMIN
    value = token.encode() if header != b"authorization" else b"bearer  " + token.encode() + b" "
    tables = _tables(msgspec.structs.replace(owner, expires_at=expires))
    if seen:
        tables.seen_credentials[value] = tables.keys[owner.digest]
    expected: type[Exception] | None = None
    if expires == 5.0:
        expected = Unauthenticated
    elif role is Role.ADMIN and owner is USER:
        expected = Forbidden
    if expected is not None:
        with pytest.raises(expected):
            authenticate(tables, {header: value}, role)
        assert tables.keys[owner.digest].used_at == 0.0, "what was refused was not used"
        return
    found = authenticate(tables, {header: value}, role)
    assert found.route.id == owner.id
    assert abs(found.used_at - time.time()) < 60


@pytest.mark.parametrize("headers", [
    {}, {b"authorization": b""}, {b"authorization": b"Bearer"}, {b"authorization": b"Bearer "},
    {b"authorization": KEY.encode()}, {b"authorization": b"Basic " + KEY.encode()}, {b"x-api-key": b""},
    {b"authorization": b"Basic eA==", b"x-api-key": KEY.encode()},
    {b"x-api-key": b"wrong", b"api-key": KEY.encode()}, {b"authorization": b"Bearer " + KEY.encode() + b"x"},
])  # fmt: skip
def test_what_names_nobody(headers: dict[bytes, bytes]) -> None:
    tables = _tables(USER)
    for _ in range(2):
        with pytest.raises(Unauthenticated) as caught:
            authenticate(tables, headers)
        assert caught.value.code == "invalid_api_key"
        assert caught.value.hint
    assert tables.seen_credentials == {}, "only what was found good is remembered"


def test_before_the_first_snapshot_nobody_is_known_and_nobody_is_refused() -> None:
    with pytest.raises(Unavailable) as caught:
        authenticate(Tables(), _bearer(KEY))
    assert caught.value.retry_after == 1.0


def test_a_revoked_key_stops_with_the_next_snapshot_although_it_was_seen() -> None:
    tables = _tables(USER, BOSS)
    authenticate(tables, _bearer(KEY))
    assert tables.seen_credentials
    tables.apply(snapshot(revision=2, keys=(BOSS,)))
    with pytest.raises(Unauthenticated):
        authenticate(tables, _bearer(KEY))
    authenticate(tables, _bearer(ADMIN))


def test_a_seen_key_expires_while_its_snapshot_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("glowplug.gateway.auth.time", lambda: now[0])
    tables = _tables(key(KEY, "user", expires_at=1001.0))
    assert authenticate(tables, _bearer(KEY)).used_at == 1000.0
    now[0] = 1001.0
    with pytest.raises(Unauthenticated):
        authenticate(tables, _bearer(KEY))


def test_spellings_that_are_remembered_are_bounded() -> None:
    tables = _tables(USER)
    for spaces in range(4200):
        authenticate(tables, {b"authorization": b"Bearer " + b" " * spaces + KEY.encode()})
    assert len(tables.seen_credentials) == 4096


def test_the_digest_must_be_the_whole_digest() -> None:
    tables = _tables(USER)
    tables.keys[USER.digest].route = msgspec.structs.replace(USER, digest=USER.digest[:-1] + b"?")
    with pytest.raises(Unauthenticated):
        authenticate(tables, _bearer(KEY))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"blocked": "the user 'ann', whose API key this is, is blocked"}, "The user 'ann', whose API key"),
        ({"role": Role.VIEWER}, "use no models"),
    ],
)
def test_a_key_that_is_known_and_may_use_no_models(rig: Rig, fields: dict[str, Any], says: str) -> None:
    rig.apply(snapshot(keys=(key("barred", "barred", **fields), *KEYS)))
    for _ in range(2):  # the second is not remembered as good
        refused = rig.ask(chat(), token="barred").answer
        assert (refused.status, says in refused.json["error"]["message"]) == (403, True)
    assert rig.ask(b"", method="GET", path="/v1/models", token="barred").answer.status == 403
    assert rig.ups == []


def test_a_key_that_is_blocked_is_refused_with_the_next_snapshot(rig: Rig) -> None:
    rig.ask(chat())
    assert len(rig.ups) == 1
    rig.apply(snapshot(keys=tuple(msgspec.structs.replace(one, blocked="it is blocked") for one in KEYS)))
    assert rig.ask(chat()).answer.status == 403


def test_who_comes_with_a_key_is_told_once() -> None:
    told: list[tuple[str, bytes]] = []
    tables = _tables(USER, BOSS)
    tables.met = lambda key, agent, at: told.append((key, agent)) if abs(at - time.time()) < 60 else None
    for agent in (b"curl/8", b"curl/8", b"codex"):
        authenticate(tables, _bearer(KEY) | {b"user-agent": agent})
    tables.apply(snapshot(revision=2, keys=(USER, BOSS)))
    authenticate(tables, _bearer(KEY) | {b"user-agent": b"codex"})
    authenticate(tables, _bearer(ADMIN))
    assert told == [("user", b"curl/8"), ("user", b"codex"), ("admin", b"")]
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            authenticate(tables, _bearer("sk-gp-nobody") | {b"user-agent": b"zed"})
        with pytest.raises(Unauthenticated):
            authenticate(tables, {b"user-agent": b"cline"})
    assert told[3:] == [("", b"zed"), ("", b"cline")], "a client that was set up wrongly has come, too"
    for number in range(100):
        authenticate(tables, _bearer(KEY) | {b"user-agent": b"%d" % number})
    assert len(tables.keys[USER.digest].agents) == 32
    assert len(told) == 35
    for number in range(100):
        with pytest.raises(Unauthenticated):
            authenticate(tables, {b"user-agent": b"%d" % number})
    assert len(tables.strangers) == 32
    tables.apply(snapshot(revision=3, keys=(USER,)))
    assert not tables.strangers
