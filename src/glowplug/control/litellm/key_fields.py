"""The fields of a key in LiteLLM's words, and what each is here."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from glowplug.control.litellm import naming
from glowplug.control.litellm.durations import budget_text, seconds, written
from glowplug.control.litellm.shapes import converted, dollars, iso, nano, refuse
from glowplug.control.litellm.spent import Sheet
from glowplug.domain.access import ApiKey
from glowplug.domain.budget import Scope
from glowplug.errors import RequestError
from glowplug.moving.identity import organisation_tag
from glowplug.store.usage import By
from glowplug.usecases.key_changes import KeyChange

ALL_MODELS: Final = frozenset(("all-proxy-models", "all-team-models", "*"))
NO_MODELS: Final = "no-default-models"
BUDGET_TAG: Final = "budget:"
"""Keys with a `budget_id` have a tag of this and the id, which is what the budget is on."""
_ORGANISATION: Final = organisation_tag("")
_OURS: Final = (BUDGET_TAG, "member:", _ORGANISATION)
"""Tags that stand for a budget, a member of a team or an organisation: they are nobody's to change through `tags`."""


class KeyFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes a key."""

    key: str = ""
    key_alias: str = ""
    duration: str = ""
    models: tuple[str, ...] = ()
    max_budget: float | str | None = None
    budget_duration: str = ""
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None
    user_id: str = ""
    team_id: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = {}
    allowed_routes: tuple[str, ...] = ()
    blocked: bool = False
    budget_id: str = ""
    model_max_budget: dict[str, Any] = {}
    model_rpm_limit: dict[str, Any] = {}
    model_tpm_limit: dict[str, Any] = {}
    aliases: dict[str, Any] = {}
    permissions: dict[str, Any] = {}
    guardrails: tuple[Any, ...] = ()
    organization_id: str = ""
    tpd_limit: int | None = None


def check(wanted: KeyFields) -> None:
    """Raises RequestError for what would limit a key, or let it do more, in a way that is not to be had here."""
    refuse({"key": wanted.key}, "keys are random here; leave it out, and read the key in the answer")
    limits = "limit the model itself, or the key as a whole"
    refuse(
        {
            "model_max_budget": wanted.model_max_budget,
            "model_rpm_limit": wanted.model_rpm_limit,
            "model_tpm_limit": wanted.model_tpm_limit,
            "tpd_limit": wanted.tpd_limit,
        },
        limits,
    )
    refuse({"aliases": wanted.aliases}, "aliases are for everybody; write one into the configuration")
    refuse({"guardrails": wanted.guardrails}, "there are no guardrails here")


def models(given: tuple[str, ...]) -> tuple[str, ...]:
    """Models of a key; empty for all of them.  Raises RequestError."""
    if NO_MODELS in given:
        raise RequestError(f"{NO_MODELS} cannot be had here", hint="block the key, or list models")
    return () if ALL_MODELS.intersection(given) else given


def tags(wanted: KeyFields) -> tuple[str, ...]:
    listed = wanted.metadata.get("tags")
    more = tuple(str(tag) for tag in listed) if isinstance(listed, list) else ()
    budget = (BUDGET_TAG + wanted.budget_id,) if wanted.budget_id else ()
    organisation = (organisation_tag(wanted.organization_id),) if wanted.organization_id else ()
    return (*wanted.tags, *more, *budget, *organisation)


def lasts(duration: str) -> float | None:
    """Seconds that a key lasts; None for ever."""
    return float(seconds("duration", duration)) if duration and duration not in ("-1", "permanent") else None


def budget(wanted: KeyFields) -> str:
    """As our use cases read it; empty for none."""
    if wanted.max_budget is None:
        return ""
    return budget_text(nano("max_budget", wanted.max_budget), wanted.budget_duration)


def changed(key: ApiKey, sent: dict[str, Any]) -> tuple[KeyChange, KeyFields]:
    """What is to be another at a key, where null takes away.  Raises RequestError."""
    wanted = converted(sent, KeyFields)
    check(msgspec.structs.replace(wanted, key=""))
    new: dict[str, Any] = {ours: getattr(wanted, theirs) for theirs, ours in _SAME.items() if theirs in sent}
    if "models" in sent:
        new["models"] = models(wanted.models)
    given = "tags" in sent or "tags" in wanted.metadata
    # Tags that stand for something are another only where that is sent.
    standing = {BUDGET_TAG: "budget_id" in sent, _ORGANISATION: "organization_id" in sent}
    if given or any(standing.values()):
        kept = (
            tag
            for tag in key.tags
            if not next((goes for kind, goes in standing.items() if tag.startswith(kind)),
                        given and not tag.startswith(_OURS))
        )  # fmt: skip
        new["tags"] = tuple(dict.fromkeys((*kept, *tags(wanted))))
    if "duration" in sent:
        new["expires_in"] = lasts(wanted.duration)
    if "blocked" in sent:
        new["blocked"] = wanted.blocked
    return KeyChange(**new), wanted


_SAME: Final = {
    "key_alias": "name",
    "tpm_limit": "tpm",
    "rpm_limit": "rpm",
    "max_parallel_requests": "concurrency",
    "user_id": "user",
    "team_id": "team",
    "allowed_routes": "routes",
}
"""Their field → ours, where the value is the same."""


def organisation(key: ApiKey) -> str | None:
    """The id of the organisation that a key is of."""
    return next((tag.removeprefix(_ORGANISATION) for tag in key.tags if tag.startswith(_ORGANISATION)), None)


def row(sheet: Sheet, key: ApiKey) -> dict[str, Any]:
    """A key as a row of LiteLLM's."""
    own = sheet.budget(Scope.KEY, key.id)
    shared = next((tag.removeprefix(BUDGET_TAG) for tag in key.tags if tag.startswith(BUDGET_TAG)), None)
    shown = [tag for tag in key.tags if not tag.startswith(_OURS)]
    return {
        "token": naming.token(key),
        "key_name": f"sk-...{key.display[-4:]}",
        "key_alias": key.name or None,
        "spend": dollars(sheet.spent(By.KEY, key.id)),
        "max_budget": dollars(own.amount) if own else None,
        "budget_duration": written(own) if own else None,
        "budget_reset_at": iso(own.ends_at) if own else None,
        "budget_id": shared,
        "soft_budget": None,
        "expires": iso(key.expires_at),
        "models": list(key.models),
        "aliases": {},
        "config": {},
        "permissions": {},
        "metadata": {"tags": shown} if shown else {},
        "tags": shown,
        "user_id": key.user or None,
        "team_id": key.team or None,
        "organization_id": organisation(key),
        "blocked": key.blocked_at is not None,
        "tpm_limit": key.tpm,
        "rpm_limit": key.rpm,
        "max_parallel_requests": key.concurrency,
        "allowed_routes": list(key.routes),
        "allowed_cache_controls": [],
        "model_max_budget": {},
        "model_spend": {},
        "guardrails": [],
        "created_at": iso(key.created_at),
        "updated_at": iso(key.created_at),
        "last_active": iso(key.last_used_at),
    }
