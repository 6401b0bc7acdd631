from __future__ import annotations

from glowplug.moving.litellm.rows.audit import read_audit_entry
from tests.moving.litellm.rows.reading import reading


def test_an_entry_says_which_fields_changed_and_not_what_was_in_them() -> None:
    row = {"id": "1", "changed_by": "ann", "action": "updated", "table_name": "T", "object_id": "o", "updated_at": 4.0}
    before, after = {"api_key": "sk-old", "same": 1, "gone": 1}, '{"api_key": "sk-new", "same": 1}'
    entry = read_audit_entry(row | {"before_value": before, "updated_values": after}, reading())
    assert (entry.who, entry.at, entry.fields) == ("ann", 4.0, ("api_key", "gone"))
    assert "sk-" not in repr(entry)
