from __future__ import annotations

from glowplug.domain.credential import Credential
from glowplug.keyring import KeyRing
from glowplug.secret import Secret
from glowplug.store import credentials
from glowplug.store.database import Database


def test_put_list_remove(database: Database) -> None:
    ring = KeyRing.new()
    for name, value, at in (("b", "1", 1.0), ("a", "2", 2.0), ("b", "3", 3.0)):
        database.call(lambda c, n=name, v=value, at=at: credentials.put(c, n, Secret(v), ring, at))
    rows = database.call(credentials.every)
    assert [row for row, _ in rows] == [
        Credential(name="a", created_at=2.0, updated_at=2.0, key=ring.active),
        Credential(name="b", created_at=1.0, updated_at=3.0, key=ring.active),
    ]
    assert [ring.open(data, credentials.place(row.name)).reveal() for row, data in rows] == ["2", "3"]
    assert [database.call(lambda c: credentials.remove(c, "b")) for _ in range(2)] == [True, False]
