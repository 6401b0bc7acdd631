"""The tables as SQLAlchemy Core sees them.  A migration creates them; a test compares the two.

Times are Unix seconds (floats).  `day` is the UTC date of `started` as `YYYY-MM-DD`.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    false,
    text,
)

from glowplug.store.sealed import Sealed

metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("display", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("models", JSON, nullable=False),
    Column("rpm", Integer),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("rights", String(16), nullable=False, server_default="evict"),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("user", String(128), nullable=False, server_default=""),
    Column("team", String(128), nullable=False, server_default=""),
    Column("tags", JSON, nullable=False, server_default="[]"),
    Column("tpm", BigInteger),
    Column("concurrency", Integer),
    Column("cached", Boolean, nullable=False, server_default=false()),
    Column("log_bodies", Boolean, nullable=False, server_default=false()),
    Column("end_users", Boolean, nullable=False, server_default=false()),
    Column("imported", LargeBinary(32)),
    Column("routes", JSON, nullable=False, server_default="[]"),
    Column("replaces", String(64), nullable=False, server_default=""),
    Column("blocked_at", Float),
)
"""One row an API key; the key itself is not here, only its keyed hash."""

Index("api_keys_imported", api_keys.c.imported, unique=True)

attempts = Table(
    "attempts",
    metadata,
    Column("request", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("key", String(64), nullable=False),
    Column("asked", String(255), nullable=False),
    Column("model", String(255), nullable=False),
    Column("path", String(255), nullable=False),
    Column("started", Float, nullable=False),
    Column("duration", Float, nullable=False),
    Column("first_byte", Float, nullable=False),
    Column("status", Integer, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("user", String(255), nullable=False, server_default=""),
    Column("team", String(255), nullable=False, server_default=""),
    Column("tags", JSON, nullable=False, server_default="[]"),
    Column("cache_written", BigInteger, nullable=False, server_default="0"),
    Column("reasoning", BigInteger, nullable=False, server_default="0"),
    Column("prompt_audio", BigInteger, nullable=False, server_default="0"),
    Column("completion_audio", BigInteger, nullable=False, server_default="0"),
    Column("cost", BigInteger, nullable=False, server_default="0"),
    Column("price", String(128), nullable=False, server_default=""),
    Column("reason", String(255), nullable=False, server_default=""),
    Column("trace", String(64), nullable=False, server_default=""),
    Column("energy_mj", BigInteger),
    PrimaryKeyConstraint("request", "attempt", name="attempts_pk"),
)
"""The ledger: one row an attempt.  `state` is open, closed or interrupted; `outcome` is empty while open.

`energy_mj`: millijoules that devices reported for it, NULL where none did."""

Index(
    "attempts_usage",
    attempts.c.day,
    attempts.c.model,
    attempts.c.key,
    attempts.c.user,
    attempts.c.team,
    attempts.c.state,
    attempts.c.outcome,
    attempts.c.estimated,
    attempts.c.prompt_tokens,
    attempts.c.completion_tokens,
    attempts.c.cached_tokens,
    attempts.c.cost,
    attempts.c.price,
    attempts.c.energy_mj,
)
Index("attempts_newest", attempts.c.started, attempts.c.request, attempts.c.attempt)
Index(
    "attempts_open",
    attempts.c.worker,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)

request_bodies = Table(
    "request_bodies",
    metadata,
    Column("request", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("asked", String(255), nullable=False),
    Column("model", String(255), nullable=False),
    Column("status", Integer, nullable=False),
    Column("sent", LargeBinary, nullable=False),
    Column("answered", LargeBinary, nullable=False),
    Column("truncated", Boolean, nullable=False),
)
"""The log of requests: what was sent and answered, of keys that ask for it."""

Index("request_bodies_at", request_bodies.c.at)

journal_cursor = Table(
    "journal_cursor",
    metadata,
    Column("segment", String(128), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""How far each journal segment has been folded: bytes from the start of the file."""

spend = Table(
    "spend",
    metadata,
    Column("scope", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("hour", Integer, nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "name", "hour", name="spend_pk"),
)
"""Sums of the attempts that are settled, by scope and hour (Unix time of the start divided by 3600)."""

Index("spend_hour", spend.c.hour)

past_usage = Table(
    "past_usage",
    metadata,
    Column("source", String(64), nullable=False),
    Column("day", String(10), nullable=False),
    Column("key", String(64), nullable=False),
    Column("user", String(255), nullable=False),
    Column("team", String(255), nullable=False),
    Column("model", String(255), nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    PrimaryKeyConstraint("source", "day", "key", "user", "team", "model", name="past_usage_pk"),
)
"""Sums of what was used elsewhere and has no lines in the ledger; `source` is where they came from."""

Index("past_usage_day", past_usage.c.day)

spent_elsewhere = Table(
    "spent_elsewhere",
    metadata,
    Column("scope", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("at", Float, nullable=False),
    Column("nano", BigInteger, nullable=False),
    PrimaryKeyConstraint("scope", "name", name="spent_elsewhere_pk"),
)
"""What another gateway had counted against a budget beyond the lines that were taken over (nano-dollars), as though it
had been spent at the moment of the import."""

imported_rows = Table(
    "imported_rows",
    metadata,
    *(Column(name, String(length), nullable=False) for name, length in (("noun", 32), ("id", 600), ("source", 64))),
    Column("made", Boolean, nullable=False),
    Column("fields", JSON, nullable=False),
    PrimaryKeyConstraint("noun", "id", name="imported_rows_pk"),
)
"""What imports brought: `fields` as the source had them (of secrets a hash), `made` where an import made the row."""

price_versions = Table(
    "price_versions",
    metadata,
    Column("model", String(255), nullable=False),
    Column("version", String(128), nullable=False),
    Column("price", JSON, nullable=False),
    Column("since", Float, nullable=False),
    PrimaryKeyConstraint("model", "version", name="price_versions_pk"),
)
"""What the version of a price in a line means; `since` is when it was seen first."""

responses = Table(
    "responses",
    metadata,
    Column("key", String(64), nullable=False),
    Column("id", String(128), nullable=False),
    Column("model", String(255), nullable=False),
    Column("native", Boolean, nullable=False),
    Column("created", Float, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("response", LargeBinary, nullable=False),
    Column("input", LargeBinary, nullable=False),
    PrimaryKeyConstraint("key", "id", name="responses_pk"),
)
"""Responses that can be asked for again.  `size`: bytes of the last two columns, which are JSON."""

Index("responses_created", responses.c.created, responses.c.size)

meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String(1024), nullable=False),
)
"""Facts about the installation, by name."""

budgets = Table(
    "budgets",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("scope", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("period", String(16), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)
"""How much may be spent (nano-dollars).  `period` is the budget's window, a word that SQL has another use for."""

use_limits = Table(
    "use_limits",
    metadata,
    Column("scope", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    Column("rpm", Integer),
    Column("tpm", BigInteger),
    Column("concurrency", Integer),
    PrimaryKeyConstraint("scope", "name", name="use_limits_pk"),
)
"""How much may be used at a time, where it is no key's own."""

credentials = Table(
    "credentials",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("value", Sealed, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)
"""Secrets of providers, which the configuration names as `secret:NAME`."""

users = Table(
    "users",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("models", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("blocked_at", Float),
)
"""People."""

Index(
    "users_email",
    users.c.email,
    unique=True,
    sqlite_where=text("email <> ''"),
    postgresql_where=text("email <> ''"),
)

teams = Table(
    "teams",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("models", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("blocked_at", Float),
)
"""People who share budgets and limits."""

members = Table(
    "members",
    metadata,
    Column("team", String(255), nullable=False),
    Column("user", String(255), nullable=False),
    Column("manager", Boolean, nullable=False),
    Column("since", Float, nullable=False),
    PrimaryKeyConstraint("team", "user", name="members_pk"),
)
"""Who is in which team."""

Index("members_user", members.c.user)

changes = Table(
    "changes",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("at", Float, nullable=False),
    Column("by", String(255), nullable=False),
    Column("through", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("noun", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("request", String(64), nullable=False),
)
"""The audit log: what was changed, by whom, through which key or session; never a secret."""

Index("changes_at", changes.c.at, changes.c.id)
Index("changes_subject", changes.c.noun, changes.c.subject)

passwords = Table(
    "passwords",
    metadata,
    Column("user", String(255), primary_key=True),
    Column("hash", String(255), nullable=False),
    Column("changed_at", Float, nullable=False),
)
"""Argon2id hashes of people's passwords, as PHC strings."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("user", String(255), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("agent", String(255), nullable=False),
)
"""Who is logged in; the id is a keyed hash of the token in the cookie."""

Index("sessions_user", sessions.c.user)
Index("sessions_expires_at", sessions.c.expires_at)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("user", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("role", String(16), nullable=False),
    Column("by", String(255), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
)
"""Links that are good once, by the keyed hash of their token."""

Index("invitations_digest", invitations.c.digest, unique=True)

identities = Table(
    "identities",
    metadata,
    Column("issuer", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("user", String(255), nullable=False),
    Column("since", Float, nullable=False),
    PrimaryKeyConstraint("issuer", "subject", name="identities_pk"),
)
"""Whom an identity provider knows our users as."""

Index("identities_user", identities.c.user)
