"""Who changed what: `LiteLLM_AuditLog`.  Only which fields changed; what was in them can be a provider's key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted(
    "LiteLLM_AuditLog",
    ("updated_at", "id"),
    ("id", "changed_by", "changed_by_api_key", "action", "table_name", "object_id", "before_value", "updated_values"),
    ("updated_at",),
)


@dataclass(frozen=True)
class AuditEntry:
    id: str
    at: float | None
    """Seconds since 1970."""
    who: str
    key: str
    """Hash of the key it was done with."""
    action: str
    """`created`, `updated`, `deleted`, `rotated` …"""
    table: str
    object: str
    fields: tuple[str, ...]
    """Names of what is different."""


def read_audit_entry(values: Mapping[str, object], reading: Reading) -> AuditEntry:
    row = Row(WANTED.table, str(values.get("id")), values, reading)
    before, after = row.value("before_value"), row.value("updated_values")
    before = before if isinstance(before, dict) else {}
    after = after if isinstance(after, dict) else {}
    return AuditEntry(
        row.text("id"),
        row.moment("updated_at"),
        row.text("changed_by"),
        row.text("changed_by_api_key"),
        row.text("action"),
        row.text("table_name"),
        row.text("object_id"),
        tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))),
    )
