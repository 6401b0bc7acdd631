"""Virtual keys, `LiteLLM_VerificationToken`, and those that work a while longer after they were replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows import allowance
from glowplug.moving.litellm.rows.allowance import Allowance, AllowedModels
from glowplug.moving.litellm.rows.users import RESERVED_USERS
from glowplug.moving.litellm.values import Reading, Row

SESSION_TEAM = "litellm-dashboard"
"""Keys of this team are somebody's login at LiteLLM's page."""
MASTER_KEY_ALIAS = "litellm_proxy_master_key"
"""What the usage of the master key is written under."""
HEALTH_CHECK_KEY = "litellm-internal-health-check"
_HASH = re.compile(r"[0-9a-f]{64}")

WANTED = Wanted(
    "LiteLLM_VerificationToken",
    ("token",),
    (
        *("token", "key_name", "key_alias", "spend", "total_spend", "models", "aliases", "config", "permissions"),
        *("metadata", "user_id", "team_id", "organization_id", "project_id", "budget_id", "blocked", "allowed_routes"),
        *("router_settings", "access_group_ids", "key_type", "created_by", "auto_rotate", "rotation_interval"),
        *allowance.COLUMNS,
    ),
    ("expires", "created_at", "updated_at", "last_active", *allowance.MOMENTS),
)
REPLACED = Wanted(
    "LiteLLM_DeprecatedVerificationToken",
    ("token",),
    ("token", "active_token_id"),
    ("revoke_at",),
)


@dataclass(frozen=True)
class VirtualKey:
    hash: str
    """SHA-256 of the whole key, in hexadecimal; stands in the spend logs."""
    alias: str
    """What people call it; empty: nothing."""
    hint: str
    """The key with its middle left out, `sk-...wxyz`."""
    spent: int
    """Nano-dollars in this period."""
    spent_ever: int | None
    """Nano-dollars since it was made; None: that was not written down."""
    allowance: Allowance
    budget: str
    """A budget it shares, by id."""
    models: AllowedModels
    aliases: Mapping[str, Value]
    """Names only this key has: name → model."""
    routes: tuple[str, ...]
    """Empty: all of them."""
    user: str
    """Empty: nobody's, or of a user that LiteLLM made for itself."""
    team: str
    organisation: str
    project: str
    tags: tuple[str, ...]
    access_groups: tuple[str, ...]
    blocked: bool
    expires: float | None
    """Seconds since 1970; None: never."""
    created: float | None
    last_used: float | None
    metadata: Mapping[str, Value] = field(repr=False)
    others: Mapping[str, Value] = field(default_factory=dict)
    """`config`, `permissions`, `router_settings` where they say something."""


@dataclass(frozen=True)
class ReplacedKey:
    """A key that was rotated and still works."""

    hash: str
    now: str
    """The hash of the key in its place."""
    until: float | None


def read_key(values: Mapping[str, object], reading: Reading) -> VirtualKey | None:
    """A key; None for a login of LiteLLM's page, and for what is no key."""
    token = str(values.get("token") or "")
    if token.startswith("sk-"):
        hashed = sha256(token.encode()).hexdigest()
        Row(WANTED.table, _short(hashed), values, reading).note(
            Outcome.CHANGED, "a key that was stored in clear", "only its hash is taken over"
        )
        token = hashed
    row = Row(WANTED.table, _short(token), values, reading)
    if row.text("team_id") == SESSION_TEAM:
        return None
    if not _HASH.fullmatch(token):
        row.note(Outcome.REFUSED, "a key whose hash is no SHA-256", "nothing that a client sends could match it")
        return None
    metadata = row.metadata()
    tags = metadata.get("tags")
    user = row.text("user_id")
    others = {name: row.tree(name) for name in ("config", "permissions", "router_settings")}
    return VirtualKey(
        hash=token,
        alias=row.text("key_alias"),
        hint=row.text("key_name"),
        spent=row.spent(),
        spent_ever=row.money("total_spend") or None,
        allowance=allowance.read_allowance(row, metadata),
        budget=row.text("budget_id"),
        models=allowance.read_models(row),
        aliases=row.tree("aliases"),
        routes=row.names("allowed_routes"),
        user="" if user in RESERVED_USERS else user,
        team=row.text("team_id"),
        organisation=row.text("organization_id"),
        project=row.text("project_id"),
        tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
        access_groups=row.names("access_group_ids"),
        blocked=row.flag("blocked"),
        expires=row.moment("expires"),
        created=row.moment("created_at"),
        last_used=row.moment("last_active"),
        metadata=metadata,
        others={name: dict(tree) for name, tree in others.items() if tree},
    )


def is_session(values: Mapping[str, object]) -> bool:
    """Whether a row is a login at LiteLLM's page."""
    return values.get("team_id") == SESSION_TEAM


def read_replaced(values: Mapping[str, object], reading: Reading) -> ReplacedKey | None:
    """A replaced key; None for what is no key."""
    row = Row(REPLACED.table, _short(str(values.get("token"))), values, reading)
    hashes = row.text("token"), row.text("active_token_id")
    if not all(map(_HASH.fullmatch, hashes)):
        row.note(Outcome.REFUSED, "a replaced key whose hash is no SHA-256", "nothing could match it")
        return None
    return ReplacedKey(*hashes, row.moment("revoke_at"))


def _short(token: str) -> str:
    """Enough of a hash to find it, in a report that people pass on."""
    return token[:12] + "…" if len(token) > 12 else token
