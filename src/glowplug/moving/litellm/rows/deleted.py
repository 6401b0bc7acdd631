"""Keys and teams that were deleted: the logs still have their hashes and ids, and these are what people called them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows.keys import SESSION_TEAM
from glowplug.moving.litellm.values import Reading, Row

KEYS = Wanted(
    "LiteLLM_DeletedVerificationToken",
    ("deleted_at", "id"),
    ("id", "token", "key_alias", "user_id", "team_id"),
    ("deleted_at",),
)
TEAMS = Wanted("LiteLLM_DeletedTeamTable", ("deleted_at", "id"), ("id", "team_id", "team_alias"), ("deleted_at",))


@dataclass(frozen=True)
class Deleted:
    """Something that is in the logs and nowhere else."""

    id: str
    """Hash of a key, id of a team."""
    name: str
    """Empty: it had none."""
    at: float | None
    """When it was deleted, in seconds since 1970."""
    user: str = ""
    team: str = ""


def read_deleted_key(values: Mapping[str, object], reading: Reading) -> Deleted | None:
    """A deleted key; None for a login of LiteLLM's page."""
    row = Row(KEYS.table, str(values.get("id")), values, reading)
    if row.text("team_id") == SESSION_TEAM:
        return None
    return Deleted(
        row.text("token"), row.text("key_alias"), row.moment("deleted_at"), row.text("user_id"), row.text("team_id")
    )


def read_deleted_team(values: Mapping[str, object], reading: Reading) -> Deleted:
    row = Row(TEAMS.table, str(values.get("id")), values, reading)
    return Deleted(row.text("team_id"), row.text("team_alias"), row.moment("deleted_at"))
