from __future__ import annotations

import pytest

from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.errors import StoreError
from glowplug.store import keys
from glowplug.store.database import Database

KEY = ApiKey(
    id="key_1", name="n", display="sk-gp-1…2", role=Role.ADMIN, models=("a", "b"), rpm=5, created_at=1.5,
    expires_at=9.0, rights=Rights.WARM, priority=-7, user="ann", team="web", tags=("x", "y"),
    tpm=6, concurrency=2, cached=True, log_bodies=True, end_users=True, digest=b"\x00\xff" * 16,
)  # fmt: skip
OTHER = ApiKey(id="key_0", name="", display="d", created_at=2.0, digest=b"2" * 32)


def test_a_key_is_read_back_as_it_was_stored(database: Database) -> None:
    for key in (OTHER, KEY):
        database.call(lambda c, key=key: keys.add(c, key))
    assert database.call(keys.every) == (KEY, OTHER)
    assert database.call(keys.count) == 2


def test_a_digest_is_there_once(database: Database) -> None:
    database.call(lambda c: keys.add(c, KEY))
    with pytest.raises(StoreError, match=r"(?i)unique"):
        database.call(lambda c: keys.add(c, ApiKey(id="other", name="", display="", digest=KEY.digest)))


def test_revoking_happens_once(database: Database) -> None:
    database.call(lambda c: keys.add(c, KEY))
    assert database.call(lambda c: keys.revoke(c, "key_1", 3.0))
    assert not database.call(lambda c: keys.revoke(c, "key_1", 4.0))
    assert not database.call(lambda c: keys.revoke(c, "nobody", 4.0))
    assert database.call(keys.every)[0].revoked_at == 3.0


def test_the_last_use_only_moves_forward(database: Database) -> None:
    database.call(lambda c: keys.add(c, KEY))
    for at, wanted in ((5.0, 5.0), (4.0, 5.0), (6.0, 6.0)):
        database.call(lambda c, at=at: keys.used(c, {"key_1": at, "unknown": at}))
        assert database.call(keys.every)[0].last_used_at == wanted
