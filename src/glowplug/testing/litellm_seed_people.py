"""Keys, people, teams, organisations and budgets for a LiteLLM database, with what is odd about them in real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from glowplug.testing.litellm_sealing import LOST, Sealer

Insert = Callable[[str, Mapping[str, object]], None]
_BY = {"created_by": "admin", "updated_by": "admin"}
NANO = 1_000_000_000


@dataclass
class PlantedPeople:
    keys: dict[str, str] = field(default_factory=dict)
    """Alias → the whole key, as a client sends it."""
    spent: dict[str, int] = field(default_factory=dict)
    """Alias of a key → nano-dollars."""
    sessions: int = 0
    """Logins at LiteLLM's page, which are keys too."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Old key → the alias of the one in its place; empty in eras without it."""
    deleted: dict[str, str] = field(default_factory=dict)
    """Hash of a deleted key, id of a deleted team → what it was called; empty in eras without it."""
    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    members: dict[str, dict[str, bool]] = field(default_factory=dict)
    """Team → user → whether an admin."""
    budgets: dict[str, int | None] = field(default_factory=dict)
    """Id → nano-dollars; None: no amount."""
    end_users: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """Empty in eras without them."""
    traps: dict[str, str] = field(default_factory=dict)


def hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def plant_people(insert: Insert, sealer: Sealer, tables: Mapping[str, frozenset[str]]) -> PlantedPeople:
    planted = PlantedPeople()
    _budgets(insert, planted)
    _organisation(insert)
    _users(insert, planted)
    _teams(insert, sealer, planted)
    _keys(insert, sealer, planted)
    _odd_keys(insert, planted, tables)
    insert("LiteLLM_EndUserTable", {"user_id": "alice@shop", "alias": "Alice", "spend": 0.25, "budget_id": "b-small"})
    insert("LiteLLM_EndUserTable", {"user_id": "spammer", "spend": 0.0, "blocked": True})
    planted.end_users = ("alice@shop", "spammer")
    if "LiteLLM_TagTable" in tables:
        insert("LiteLLM_TagTable", {"tag_name": "batch", "spend": 1.5, "budget_id": "b-small", "models": ["chat"]})
        planted.tags = ("batch",)
    return planted


def _budgets(insert: Insert, planted: PlantedPeople) -> None:
    for id, most, more in (
        ("b-small", 10.0, {"budget_duration": "30d", "budget_reset_at": "2026-12-01 00:00:00", "rpm_limit": 60}),
        (
            "b-org",
            1234.5,
            {"soft_budget": 1000.0, "model_max_budget": {"chat": {"budget_limit": 5}}},
        ),
        ("b-endless", float("inf"), {}),
        ("b-member", 0.1, {"budget_duration": "7d"}),
    ):
        insert("LiteLLM_BudgetTable", {"budget_id": id, "max_budget": most, **more, **_BY})
        planted.budgets[id] = None if most == float("inf") else round(most * NANO)


def _organisation(insert: Insert) -> None:
    row: dict[str, object] = {
        "organization_id": "org-1",
        "organization_alias": "Research",
        "budget_id": "b-org",
        "models": [],
    }
    insert("LiteLLM_OrganizationTable", row | {"spend": 12.000000001} | _BY)


def _users(insert: Insert, planted: PlantedPeople) -> None:
    for id, more in (
        ("u-ann", {"user_email": "ann@example.invalid", "user_role": "proxy_admin", "password": "0" * 64}),
        ("u-bob", {"user_role": "internal_user", "max_budget": 20.0, "models": ["no-default-models"], "spend": 0.1}),
        ("u-ζoë 🦙", {"user_alias": "Zoë", "user_role": "internal_user_viewer", "sso_user_id": "sso-7"}),
        ("default_user_id", {"user_role": "proxy_admin"}),
        ("litellm-proxy-budget", {"max_budget": 5000.0, "budget_duration": "30d"}),
    ):
        insert("LiteLLM_UserTable", {"user_id": id, "models": [], **more})
    planted.users = ("u-ann", "u-bob", "u-ζoë 🦙")
    row = {"user_id": "u-bob", "organization_id": "org-1", "user_role": "org_admin", "budget_id": "b-member"}
    insert("LiteLLM_OrganizationMembership", row)


def _teams(insert: Insert, sealer: Sealer, planted: PlantedPeople) -> None:
    insert("LiteLLM_ModelTable", {"id": 7, "aliases": {"fast": "chat-local"}, **_BY})
    callback = {"callback_name": "langfuse", "callback_vars": {"secret": "litellm_enc::" + sealer.seal("sk-lf-team")}}
    lost = {"callback_vars": {"secret": "litellm_enc::" + sealer.seal("sk-lf-team", key=LOST)}}
    trace = sealer.seal("an id that only looks like it", key=LOST)
    search = {
        "team_id": "team-search",
        "team_alias": "Search",
        "organization_id": "org-1",
        "members_with_roles": [{"user_id": "u-ann", "role": "admin"}, {"user_id": "u-bob", "role": "user"}],
        "models": ["chat", "chat-local"],
        "max_budget": 100.0,
        "budget_duration": "1mo",
        "tpm_limit": 100000,
        "model_id": 7,
        "metadata": {
            "logging": [callback],
            "old": lost,
            "trace": trace,
        },
    }
    insert("LiteLLM_TeamTable", search | {"admins": [], "members": []})
    planted.traps["metadata with a lost key"] = "LiteLLM_TeamTable[team-search].metadata.old.callback_vars.secret"
    old = {"team_id": "team-old", "admins": ["u-bob"], "members": ["u-ann", "u-bob"], "models": [], "blocked": True}
    insert("LiteLLM_TeamTable", old)
    planted.teams = ("team-search", "team-old")
    planted.members = {"team-search": {"u-ann": True, "u-bob": False}, "team-old": {"u-bob": True, "u-ann": False}}
    for user, spend in (("u-ann", 0.0), ("u-bob", 1.25)):
        row = {"user_id": user, "team_id": "team-search", "spend": spend, "budget_id": "b-member"}
        insert("LiteLLM_TeamMembership", row)


def _keys(insert: Insert, sealer: Sealer, planted: PlantedPeople) -> None:
    for alias, more in (
        ("plain", {"user_id": "u-ann", "spend": 0.1 + 0.2}),
        ("of the team", {"user_id": "u-bob", "team_id": "team-search", "models": ["all-team-models"], "spend": 12.5}),
        (
            "limited",
            {
                "max_budget": 3.0,
                "budget_duration": "24h",
                "budget_reset_at": "2026-11-27 00:00:00",
                "rpm_limit": 10,
                "tpm_limit": 5000,
                "max_parallel_requests": 2,
                "model_max_budget": {"chat": {"budget_limit": "1.5", "time_period": "7d"}},
                "metadata": {"tags": ["batch"], "model_rpm_limit": {"chat": "5"}, "service_account_id": "ci"},
                "allowed_routes": ["/v1/chat/completions"],
                "models": ["chat", "openai/*"],
                "aliases": {"gpt-4": "chat"},
            },
        ),
        ("expired", {"expires": "2025-01-01 12:00:00.5", "user_id": "default_user_id"}),
        ("blocked", {"blocked": True, "budget_id": "b-small"}),
        ("endless", {"max_budget": float("inf"), "expires": "infinity", "models": ["all-proxy-models"]}),
        ("nothing set", {"spend": 0.0}),
        ("ключ \"with' odd; characters", {"spend": 1e-9, "metadata": {"note": "x" * 300}}),
    ):
        key = f"sk-{alias.encode().hex()[:20]}-seeded"
        planted.keys[alias] = key
        planted.spent[alias] = round(float(str(more.get("spend", 0))) * NANO)
        insert(
            "LiteLLM_VerificationToken",
            {"token": hashed(key), "key_name": f"sk-...{key[-4:]}", "key_alias": alias, "models": [], **more},
        )


def _odd_keys(insert: Insert, planted: PlantedPeople, tables: Mapping[str, frozenset[str]]) -> None:
    table = "LiteLLM_VerificationToken"
    for number in range(3):
        row: dict[str, object] = {"token": hashed(f"session {number}"), "team_id": "litellm-dashboard", "models": []}
        insert(table, row | {"user_id": "default_user_id", "expires": "2026-11-25 00:00:00"})
    planted.sessions = 3
    planted.traps["logins at the page"] = table
    planted.keys["in clear"], planted.spent["in clear"] = "sk-stored-in-clear", 0
    insert(table, {"token": "sk-stored-in-clear", "key_alias": "in clear", "models": []})
    planted.traps["a key in clear"] = f"{table}[{hashed('sk-stored-in-clear')[:12]}"
    insert(table, {"token": "no-hash", "key_alias": "no hash", "models": []})
    planted.traps["a key without a hash"] = f"{table}[no-hash]"
    if "LiteLLM_DeprecatedVerificationToken" in tables:
        row = {"id": "d-1", "token": hashed("sk-rotated-away"), "active_token_id": hashed(planted.keys["plain"])}
        insert("LiteLLM_DeprecatedVerificationToken", row | {"revoke_at": "2026-12-24 00:00:00"})
        planted.replaced = {"sk-rotated-away": "plain"}
    if "LiteLLM_DeletedVerificationToken" in tables:
        row = {"id": "gone-1", "token": hashed("sk-deleted"), "key_alias": "deleted", "team_id": "team-gone"}
        insert("LiteLLM_DeletedVerificationToken", row)
        insert("LiteLLM_DeletedTeamTable", {"id": "gone-2", "team_id": "team-gone", "team_alias": "Gone"})
        planted.deleted = {hashed("sk-deleted"): "deleted", "team-gone": "Gone"}
