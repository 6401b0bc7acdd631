"""Teams, who is in them, and the names of models that only they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows import allowance
from glowplug.moving.litellm.rows.allowance import Allowance, AllowedModels
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted(
    "LiteLLM_TeamTable",
    ("team_id",),
    (
        *("team_id", "team_alias", "organization_id", "admins", "members", "members_with_roles", "metadata", "models"),
        *("spend", "blocked", "model_id", "router_settings", "access_group_ids", "default_team_member_models"),
        *allowance.COLUMNS,
    ),
    ("created_at", *allowance.MOMENTS),
)
ALIASES = Wanted("LiteLLM_ModelTable", ("id",), ("id", "aliases"))
MEMBERSHIPS = Wanted(
    "LiteLLM_TeamMembership",
    ("team_id", "user_id"),
    ("user_id", "team_id", "spend", "total_spend", "budget_id"),
)


@dataclass(frozen=True)
class Member:
    user: str
    """Empty when only an address is known."""
    email: str
    admin: bool


@dataclass(frozen=True)
class Team:
    id: str
    name: str
    organisation: str
    members: tuple[Member, ...]
    models: AllowedModels
    member_models: tuple[str, ...]
    """What a new member may use; empty: what the team may."""
    aliases: Mapping[str, Value]
    """Names only this team has: name → model."""
    access_groups: tuple[str, ...]
    allowance: Allowance
    spent: int
    """Nano-dollars in this period."""
    blocked: bool
    created: float | None
    metadata: Mapping[str, Value] = field(repr=False)
    routing: Mapping[str, Value] = field(default_factory=dict)
    """`router_settings` of its own."""


@dataclass(frozen=True)
class Membership:
    """What one member of a team has spent, and may."""

    user: str
    team: str
    spent: int
    spent_ever: int | None
    budget: str


def read_team(values: Mapping[str, object], aliases: Mapping[str, Mapping[str, Value]], reading: Reading) -> Team:
    """A team; `aliases` are the rows of `ALIASES` by their id, as `read_aliases` gives them."""
    row = Row(WANTED.table, str(values.get("team_id")), values, reading)
    metadata = row.metadata()
    return Team(
        id=row.text("team_id"),
        name=row.text("team_alias"),
        organisation=row.text("organization_id"),
        members=_members(row),
        models=allowance.read_models(row),
        member_models=row.names("default_team_member_models"),
        aliases=aliases.get(row.text("model_id"), {}),
        access_groups=row.names("access_group_ids"),
        allowance=allowance.read_allowance(row, metadata),
        spent=row.spent(),
        blocked=row.flag("blocked"),
        created=row.moment("created_at"),
        metadata=metadata,
        routing=row.tree("router_settings"),
    )


def read_aliases(values: Mapping[str, object], reading: Reading) -> tuple[str, Mapping[str, Value]]:
    row = Row(ALIASES.table, str(values.get("id")), values, reading)
    return row.text("id"), row.tree("aliases")


def read_membership(values: Mapping[str, object], reading: Reading) -> Membership:
    row = Row(MEMBERSHIPS.table, f"{values.get('team_id')}/{values.get('user_id')}", values, reading)
    return Membership(
        row.text("user_id"),
        row.text("team_id"),
        row.spent(),
        row.money("total_spend") or None,
        row.text("budget_id"),
    )


def _members(row: Row) -> tuple[Member, ...]:
    """From `members_with_roles`, and from the two lists that older releases kept beside it."""
    found: dict[tuple[str, str], Member] = {}
    listed = row.value("members_with_roles")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and (one.get("user_id") or one.get("user_email")):
            member = Member(
                str(one.get("user_id") or ""),
                str(one.get("user_email") or ""),
                one.get("role") == "admin",
            )
            found.setdefault((member.user, member.email if not member.user else ""), member)
    for column, admin in (("admins", True), ("members", False)):
        for user in row.names(column):
            found.setdefault((user, ""), Member(user, "", admin))
    return tuple(found.values())
