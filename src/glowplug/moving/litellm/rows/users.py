"""People: `LiteLLM_UserTable`.  Passwords stay behind: old ones are hashes that log in by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows import allowance
from glowplug.moving.litellm.rows.allowance import Allowance, AllowedModels
from glowplug.moving.litellm.values import Reading, Row

PROXY_BUDGET = "litellm-proxy-budget"
"""The user whose budget is that of the whole installation."""
RESERVED_USERS = frozenset({"default_user_id", PROXY_BUDGET})
"""Nobody: the first is whoever has the master key."""

WANTED = Wanted(
    "LiteLLM_UserTable",
    ("user_id",),
    (
        *("user_id", "user_email", "user_alias", "user_role", "sso_user_id", "password", "teams", "models", "metadata"),
        *("spend", "organization_id"),
        *allowance.COLUMNS,
    ),
    ("created_at", *allowance.MOMENTS),
)


@dataclass(frozen=True)
class User:
    id: str
    email: str
    name: str
    role: str
    """`proxy_admin`, `proxy_admin_viewer`, `org_admin`, `internal_user`, `internal_user_viewer`, `customer` …"""
    sso: str
    """Who they are at the identity provider."""
    had_password: bool
    teams: tuple[str, ...]
    models: AllowedModels
    allowance: Allowance
    spent: int
    """Nano-dollars in this period."""
    organisation: str
    created: float | None
    metadata: Mapping[str, Value] = field(repr=False)

    @property
    def reserved(self) -> bool:
        """Whether LiteLLM made it for itself."""
        return self.id in RESERVED_USERS


def read_user(values: Mapping[str, object], reading: Reading) -> User:
    row = Row(WANTED.table, str(values.get("user_id")), values, reading)
    metadata = row.metadata()
    return User(
        id=row.text("user_id"),
        email=row.text("user_email"),
        name=row.text("user_alias"),
        role=row.text("user_role"),
        sso=row.text("sso_user_id"),
        had_password=bool(row.text("password")),
        teams=row.names("teams"),
        models=allowance.read_models(row),
        allowance=allowance.read_allowance(row, metadata),
        spent=row.spent(),
        organisation=row.text("organization_id"),
        created=row.moment("created_at"),
        metadata=metadata,
    )
