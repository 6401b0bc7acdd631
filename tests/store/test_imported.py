from __future__ import annotations

from glowplug.store import imported
from glowplug.store.database import Database
from glowplug.store.imported import Mark


def test_marks_of_one_kind_are_put_read_and_dropped(database: Database) -> None:
    first, other = Mark("s", True, {"rpm": 1, "models": ["ü"]}), Mark("t", False, {"name": None})
    database.call(lambda c: imported.put(c, "keys", {"a": first, "b": other}))
    database.call(lambda c: imported.put(c, "users", {"a": other}))
    assert database.call(lambda c: imported.every(c, "keys")) == {"a": first, "b": other}
    database.call(lambda c: imported.put(c, "keys", {"a": other}))
    database.call(lambda c: imported.forget(c, "keys", ["b", "nobody"]))
    assert database.call(lambda c: imported.every(c, "keys")) == {"a": other}
    assert database.call(lambda c: imported.every(c, "users")) == {"a": other}
