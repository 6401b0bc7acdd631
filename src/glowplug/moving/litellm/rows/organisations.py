"""Organisations and who is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows.allowance import AllowedModels, read_models
from glowplug.moving.litellm.values import Reading, Row

WANTED = Wanted(
    "LiteLLM_OrganizationTable",
    ("organization_id",),
    ("organization_id", "organization_alias", "budget_id", "metadata", "models", "spend"),
    ("created_at",),
)
MEMBERSHIPS = Wanted(
    "LiteLLM_OrganizationMembership",
    ("organization_id", "user_id"),
    ("user_id", "organization_id", "user_role", "spend", "budget_id"),
)


@dataclass(frozen=True)
class Organisation:
    id: str
    name: str
    budget: str
    """By id."""
    models: AllowedModels
    spent: int
    """Nano-dollars."""
    created: float | None
    metadata: Mapping[str, Value] = field(repr=False)


@dataclass(frozen=True)
class OrganisationMember:
    user: str
    organisation: str
    role: str
    spent: int
    budget: str


def read_organisation(values: Mapping[str, object], reading: Reading) -> Organisation:
    row = Row(WANTED.table, str(values.get("organization_id")), values, reading)
    return Organisation(
        row.text("organization_id"),
        row.text("organization_alias"),
        row.text("budget_id"),
        read_models(row),
        row.spent(),
        row.moment("created_at"),
        row.metadata(),
    )


def read_organisation_member(values: Mapping[str, object], reading: Reading) -> OrganisationMember:
    row = Row(MEMBERSHIPS.table, f"{values.get('organization_id')}/{values.get('user_id')}", values, reading)
    return OrganisationMember(
        row.text("user_id"),
        row.text("organization_id"),
        row.text("user_role"),
        row.spent(),
        row.text("budget_id"),
    )
