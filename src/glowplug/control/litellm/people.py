"""What `/user/*` and `/team/*` have in common: rows of people, who may ask, budgets and limits that come with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glowplug.control.litellm import spent
from glowplug.control.litellm.durations import written
from glowplug.control.litellm.shapes import dollars, iso
from glowplug.control.litellm.spent import Sheet
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey
from glowplug.domain.budget import Scope, UseLimit
from glowplug.domain.change import Actor
from glowplug.store.usage import By
from glowplug.usecases.budgets import BudgetView
from glowplug.usecases.limits import NewLimit
from glowplug.wire.end_user import PREFIX

_LIMITS = {"tpm_limit": "tpm", "rpm_limit": "rpm", "max_parallel_requests": "concurrency"}


def keys_of(services: Services, by: By, name: str) -> list[ApiKey]:
    """Keys that are not revoked."""
    return [key for key in services.keys.every() if key.revoked_at is None and getattr(key, by.value) == name]


def limit_of(services: Services, scope: Scope, name: str) -> UseLimit | None:
    limits = services.limits.every() if services.limits else ()
    return next((one for one in limits if (one.scope, one.name) == (scope, name)), None)


def names(services: Services, by: By, sheet: Sheet, known: Iterable[str]) -> list[str]:
    """Everybody that is known, or that a key, a budget, a limit or the ledger names; not those whom requests name."""
    limits = services.limits.every() if services.limits else ()
    found = {*known, *(getattr(key, by.value) for key in services.keys.every())}
    found |= {name for scope, name in sheet.views if scope.value == by.value}
    found |= {one.name for one in limits if one.scope.value == by.value}
    found |= set(sheet.sums[by])
    return sorted(name for name in found if name and not name.startswith(PREFIX))


def allowance(own: BudgetView | None, limit: UseLimit | None) -> dict[str, Any]:
    """A budget and limits in LiteLLM's words; null where there is none."""
    return {
        "max_budget": dollars(own.amount) if own else None,
        "budget_duration": written(own) if own else None,
        "budget_reset_at": iso(own.ends_at) if own else None,
        "tpm_limit": limit.tpm if limit else None,
        "rpm_limit": limit.rpm if limit else None,
        "max_parallel_requests": limit.concurrency if limit else None,
    }


def row(services: Services, by: By, name: str, sheet: Sheet) -> dict[str, Any]:
    """What the rows of users and of teams have in common."""
    scope = Scope(by.value)
    own, limit = sheet.budget(scope, name), limit_of(services, scope, name)
    return {
        "spend": dollars(sheet.spent(by, name)),
        **allowance(own, limit),
        "metadata": {},
        "organization_id": None,
    }


async def allow(services: Services, scope: Scope, name: str, sent: dict[str, Any], who: Actor) -> None:
    """Give somebody the budget and the limits that were sent; null takes them away."""
    amount = sent.get("max_budget")
    if amount is not None or ("max_budget" in sent and spent.budgets_of(services, scope, name)):
        await spent.set_budget(services, scope, name, sent, amount, str(sent.get("budget_duration") or ""), who)
    elif sent.get("budget_duration") and spent.budgets_of(services, scope, name):
        await spent.set_budget(services, scope, name, sent, None, str(sent["budget_duration"]), who)
    limits, old = services.limits, limit_of(services, scope, name)
    given = {ours: sent[theirs] for theirs, ours in _LIMITS.items() if theirs in sent}
    if limits is None or not given:
        return
    now = {ours: getattr(old, ours) if old else None for ours in _LIMITS.values()} | given
    if any(value is not None for value in now.values()):
        await limits.put(NewLimit(scope=scope, name=name, **now), {}, actor=who)
    elif old is not None:
        await limits.delete(scope, name, actor=who)
