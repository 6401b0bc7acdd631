"""`/user|team|tag|customer|organization/daily/activity`: use by day, each with its models, providers and keys where the
ledger has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import models, naming, spent
from glowplug.control.litellm.shapes import cut, days, dollars, number, refuse, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.errors import Forbidden
from glowplug.moving.identity import organisation_tag
from glowplug.store.spend import DaySum
from glowplug.store.usage import By, UsageSum
from glowplug.wire.end_user import PREFIX

ORGANISATION: Final = organisation_tag("")
_ORGANISATIONS: Final = ("organization_ids", "exclude_organization_ids")
_CUSTOMERS: Final = ("end_user_ids", "exclude_end_user_ids")
_MOST = 1000
_USUAL = 10
_EPOCH = date(1970, 1, 1)


@dataclass
class Metrics:
    """Sums of one part of one day."""

    cost: int = 0
    """Nano-dollars."""
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    requests: int = 0
    failed: int = 0

    def add(self, row: UsageSum) -> None:
        self.cost += row.cost
        self.prompt += row.prompt_tokens
        self.completion += row.completion_tokens
        self.cached += row.cached_tokens
        self.requests += row.attempts
        self.failed += row.failed

    def shown(self) -> dict[str, Any]:
        return {
            "spend": dollars(self.cost),
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "cache_read_input_tokens": self.cached,
            "cache_creation_input_tokens": 0,
            "total_tokens": self.prompt + self.completion,
            "successful_requests": self.requests - self.failed,
            "failed_requests": self.failed,
            "api_requests": self.requests,
        }


@dataclass
class Day:
    """One day, in all and by part."""

    metrics: Metrics = field(default_factory=Metrics)
    parts: dict[str, dict[str, Metrics]] = field(default_factory=dict)

    def add(self, row: UsageSum, parts: dict[str, str]) -> None:
        self.metrics.add(row)
        for part, name in parts.items():
            self.parts.setdefault(part, {}).setdefault(name, Metrics()).add(row)


class Activity:
    """What the endpoints do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def users(self, request: Request) -> Response:
        """An admin sees everybody, anybody else the user that the key belongs to."""
        own: ApiKey = request.state.key
        wanted = _listed(request, "user_id")
        if own.role is Role.USER:
            if not own.user:
                raise Forbidden("this key belongs to no user", hint="use an admin key")
            if wanted - {own.user}:
                raise Forbidden("only an admin may ask for other users", hint="leave user_id out")
            wanted = frozenset((own.user,))
        return await self._answer(request, By.USER, wanted)

    async def teams(self, request: Request) -> Response:
        return await self._answer(request, By.TEAM, _listed(request, "team_ids") | _listed(request, "team_id"))

    async def _answer(self, request: Request, by: By, wanted: frozenset[str]) -> Response:
        since, until = days(request, self._services.clock.unix(), needed=True)
        name, model = text(request, "api_key"), text(request, "model")
        key = naming.named(self._services.keys, name).id if name else ""
        rows = [
            row
            for row in await spent.sums(self._services, (By.MODEL, By.KEY, By.DAY, by), since, until)
            if (not wanted or getattr(row, by.value) in wanted) and key in ("", row.key) and model in ("", row.model)
        ]
        return self._told(request, self._parted(rows, by))

    def _parted(self, rows: Iterable[UsageSum], by: By, prefix: str = "") -> dict[str, Day]:
        """By day, with all parts; names without the prefix."""
        providers = {model.name: models.provider(model) for model in models.served(self._services)[0]}
        found: dict[str, Day] = {}
        for row in rows:
            found.setdefault(row.day or "", Day()).add(
                row,
                {
                    "models": row.model or "",
                    "model_groups": row.model or "",
                    "providers": providers.get(row.model or "", "unknown"),
                    "api_keys": row.key or "",
                    "entities": (getattr(row, by.value) or "Unassigned").removeprefix(prefix),
                },
            )
        return found

    async def tags(self, request: Request) -> Response:
        """By tag only: the ledger's sums of tags have no models in them."""
        since, until = days(request, self._services.clock.unix(), needed=True)
        chosen = _chosen("", _listed(request, "tags"))
        return self._told(request, _bare(await self._services.usage.days(Scope.TAG, since, until), chosen))

    async def organizations(self, request: Request) -> Response:
        """An organisation is a tag, so by its name only."""
        _whole(request, "an organisation is a tag here, and those have no models and keys in their sums")
        since, until = days(request, self._services.clock.unix(), needed=True)
        chosen = _chosen(ORGANISATION, *(_listed(request, name) for name in _ORGANISATIONS))
        rows = await self._services.usage.days(Scope.TAG, since, until)
        return self._told(request, _bare(rows, chosen, ORGANISATION))

    async def customers(self, request: Request) -> Response:
        """With models and keys where the key belongs to no user; of whom others named there are the sums alone."""
        _whole(request, "whom keys of a user named has no models and keys in the sums")
        since, until = days(request, self._services.clock.unix(), needed=True)
        chosen = _chosen(PREFIX, *(_listed(request, name) for name in _CUSTOMERS))
        rows = [
            row
            for row in await spent.sums(self._services, (By.MODEL, By.KEY, By.DAY, By.USER), since, until)
            if chosen(row.user or "")
        ]
        found = self._parted(rows, By.USER, PREFIX)
        known: dict[tuple[str, str], Metrics] = {}
        for row in rows:
            known.setdefault((row.day or "", row.user or ""), Metrics()).add(row)
        more = [
            one if part is None else _less(one, part)
            for one in await self._services.usage.days(Scope.USER, since, until)
            for part in (known.get((_day(one), one.name)),)
        ]
        return self._told(request, _bare((one for one in more if one.attempts > 0), chosen, PREFIX, found))

    def _told(self, request: Request, found: dict[str, Day]) -> Response:
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, _MOST)
        shown, pages = cut([(day, found[day]) for day in sorted(found, reverse=True)], page, size)
        total = _total(day.metrics for day in found.values()).shown()
        return answer(
            {
                "results": [self._day(day, one) for day, one in shown],
                "metadata": {
                    **{f"total_{name.removeprefix('total_')}": value for name, value in total.items()},
                    "page": page,
                    "total_pages": pages,
                    "has_more": page < pages,
                },
            }
        )

    def _day(self, day: str, one: Day) -> dict[str, Any]:
        breakdown: dict[str, Any] = {
            part: {
                name: {"metrics": metrics.shown(), "metadata": {}} for name, metrics in one.parts.get(part, {}).items()
            }
            for part in ("models", "model_groups", "providers", "entities", "mcp_servers", "endpoints")
        }
        keys: dict[str, Any] = {}
        for key_id, metrics in one.parts.get("api_keys", {}).items():
            key = naming.find(self._services.keys, key_id)
            about = {"key_alias": (key.name or None) if key else None, "team_id": (key.team or None) if key else None}
            keys[naming.token(key) if key else key_id] = {"metrics": metrics.shown(), "metadata": about}
        return {"date": day, "metrics": one.metrics.shown(), "breakdown": {**breakdown, "api_keys": keys}}


def _chosen(prefix: str, wanted: frozenset[str], without: frozenset[str] = frozenset()) -> Callable[[str], bool]:
    """Whether a name of the ledger is meant by names that lack its prefix; all are where none is named."""
    only, but = {prefix + name for name in wanted}, {prefix + name for name in without}
    return lambda name: name.startswith(prefix) and name not in but and (not only or name in only)


def _bare(
    rows: Iterable[DaySum], chosen: Callable[[str], bool], prefix: str = "", found: dict[str, Day] | None = None
) -> dict[str, Day]:
    """Sums that have names and no other parts, by day; into `found`."""
    found = {} if found is None else found
    for one in rows:
        if chosen(one.name):
            row = UsageSum(
                cost=one.nano, prompt_tokens=one.prompt_tokens, completion_tokens=one.completion_tokens,
                attempts=one.attempts,
            )  # fmt: skip
            found.setdefault(_day(one), Day()).add(row, {"entities": one.name.removeprefix(prefix)})
    return found


def _day(one: DaySum) -> str:
    return (_EPOCH + timedelta(days=one.day)).isoformat()


def _less(one: DaySum, part: Metrics) -> DaySum:
    """What is not in this part of it."""
    return msgspec.structs.replace(
        one, nano=one.nano - part.cost, prompt_tokens=one.prompt_tokens - part.prompt,
        completion_tokens=one.completion_tokens - part.completion, attempts=one.attempts - part.requests,
    )  # fmt: skip


def _whole(request: Request, why: str) -> None:
    """Raises RequestError where it is to be narrowed by what is not in the sums."""
    refuse({name: text(request, name) for name in ("model", "api_key")}, why)


def _total(every: Iterable[Metrics]) -> Metrics:
    total = Metrics()
    for one in every:
        total.cost += one.cost
        total.prompt += one.prompt
        total.completion += one.completion
        total.cached += one.cached
        total.requests += one.requests
        total.failed += one.failed
    return total


def _listed(request: Request, name: str) -> frozenset[str]:
    """Names in a parameter, with commas between."""
    return frozenset(one.strip() for one in text(request, name).split(",") if one.strip())


def routes(services: Services) -> tuple[Endpoint, ...]:
    activity = Activity(services)
    return shaped(
        (
            Endpoint("GET", "/user/daily/activity", activity.users, "LiteLLM: use by day and user", Policy.OWN),
            Endpoint("GET", "/team/daily/activity", activity.teams, "LiteLLM: use by day and team", Policy.ADMIN),
            Endpoint("GET", "/tag/daily/activity", activity.tags, "LiteLLM: use by day and tag", Policy.ADMIN),
            Endpoint(
                "GET",
                "/organization/daily/activity",
                activity.organizations,
                "LiteLLM: use by day and organisation",
                Policy.ADMIN,
            ),
            *(
                Endpoint(
                    "GET",
                    f"/{noun}/daily/activity",
                    activity.customers,
                    "LiteLLM: use by day and end user",
                    Policy.ADMIN,
                )
                for noun in ("customer", "end_user")
            ),
        )
    )
