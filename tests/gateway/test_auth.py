"""Who is asking: headers, keys, expiry, roles, and what is remembered."""

from __future__ import annotations

import pytest

from tests.gateway.rig import (
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
    assert rig.plane.metrics.auth_failures == 1
    assert rig.ups == []


def test_an_expired_key_and_a_server_without_snapshot(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key("old", "old", expires_at=5.0), *KEYS)))
    assert rig.ask(chat(), token="old").answer.status == 401
    rig.plane.tables.snapshot = snapshot(revision=-1)
    client = rig.ask(chat())
    assert client.answer.status == 503
    assert client.answer.headers["retry-after"] == "1"
