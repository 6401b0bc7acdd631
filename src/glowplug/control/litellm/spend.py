"""`/spend/*` and `/global/*`: sums over the ledger, as LiteLLM's dashboards ask for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import key_fields, models, naming, spent
from glowplug.control.litellm.shapes import body, days, dollars, number, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.domain.price import Tokens, cost
from glowplug.domain.snapshot import ModelRoute
from glowplug.errors import NotFound, RequestError
from glowplug.store.usage import By, UsageSum
from glowplug.translate.estimate import estimated_tokens

_MOST = 1000


class Calculation(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be priced: messages to a model, or an answer with its usage."""

    model: str = ""
    messages: list[Any] = []
    completion_response: dict[str, Any] = {}


class Spending:
    """What `/spend/*` and `/global/*` do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def _sums(self, request: Request, *by: By) -> list[UsageSum]:
        return await spent.sums(self._services, by, *days(request, self._services.clock.unix()))

    # ---- /spend

    async def keys(self, _request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.KEY)
        rows = [key_fields.row(sheet, key) for key in self._services.keys.every()]
        return answer(sorted(rows, key=lambda row: row["spend"], reverse=True))

    async def users(self, request: Request) -> Response:
        wanted = text(request, "user_id")
        rows = await spent.sums(self._services, (By.USER,))
        found = [{"user_id": row.user, "spend": dollars(row.cost)} for row in rows if row.user]
        return answer([row for row in found if wanted in ("", row["user_id"])])

    async def tags(self, request: Request) -> Response:
        return answer(await self._by_tag(request))

    async def _by_tag(self, request: Request) -> list[dict[str, Any]]:
        since, until = days(request, self._services.clock.unix())
        found: dict[str, list[int]] = {}
        for row in await self._services.usage.days(Scope.TAG, since, until):
            one = found.setdefault(row.name, [0, 0])
            one[0] += row.attempts
            one[1] += row.nano
        ordered = sorted(found.items(), key=lambda item: (-item[1][1], item[0]))
        return [
            {"individual_request_tag": name, "log_count": count, "total_spend": dollars(nano)}
            for name, (count, nano) in ordered
        ]

    async def calculate(self, request: Request) -> Response:
        wanted = await body(request, Calculation)
        name = wanted.model or str(wanted.completion_response.get("model") or "")
        route = find(self._services, name)
        if route.price is None and not route.local:
            raise RequestError(f"nobody knows what {name[:80]!r} costs", hint="write its price into the configuration")
        tokens = _tokens(wanted)
        return answer({"cost": dollars(cost(route.price, tokens) if route.price else 0)})

    # ---- /global

    async def total(self, _request: Request) -> Response:
        rows = await spent.sums(self._services, ())
        own = next((view for view in spent.views(self._services) if view.scope is Scope.ALL), None)
        return answer(
            {
                "spend": dollars(sum(row.cost for row in rows)),
                "max_budget": dollars(own.amount) if own is not None else 0.0,
            }
        )

    async def by_day(self, request: Request) -> Response:
        name = text(request, "api_key")
        rows = await self._sums(request, By.DAY, By.KEY)
        if name:
            key = naming.named(self._services.keys, name).id
            rows = [row for row in rows if row.key == key]
        return answer([{"date": day, "spend": dollars(nano)} for day, nano in sorted(_added(rows, "day").items())])

    async def by_key(self, request: Request) -> Response:
        found = _added(await self._sums(request, By.KEY), "key")
        names = {key.id: key for key in self._services.keys.every()}
        rows = [
            {
                "api_key": naming.token(names[key]) if key in names else key,
                "key_name": f"sk-...{names[key].display[-4:]}" if key in names else None,
                "key_alias": (names[key].name or None) if key in names else None,
                "total_spend": dollars(nano),
            }
            for key, nano in _most(found)
        ]
        return answer(rows[: number(request, "limit", _MOST, _MOST)])

    async def by_team(self, request: Request) -> Response:
        rows = await self._sums(request, By.DAY, By.TEAM)
        daily: dict[str, dict[str, Any]] = {}
        for row in rows:
            one = daily.setdefault(row.day or "", {"date": row.day})
            one[row.team or "Unassigned"] = dollars(row.cost)
        totals = _most(_added(rows, "team"))
        return answer(
            {
                "daily_spend": [daily[day] for day in sorted(daily)],
                "teams": [team or "Unassigned" for team, _ in totals],
                "total_spend_per_team": [
                    {"team_id": team or "Unassigned", "total_spend": dollars(nano)} for team, nano in totals
                ],
            }
        )

    async def by_model(self, request: Request) -> Response:
        found = _most(_added(await self._sums(request, By.MODEL), "model"))
        rows = [{"model": model, "total_spend": dollars(nano)} for model, nano in found]
        return answer(rows[: number(request, "limit", _MOST, _MOST)])

    async def by_provider(self, request: Request) -> Response:
        names = {model.name: models.provider(model) for model in models.served(self._services)[0]}
        found: dict[str, int] = {}
        for model, nano in _added(await self._sums(request, By.MODEL), "model").items():
            provider = names.get(model, "unknown")
            found[provider] = found.get(provider, 0) + nano
        return answer([{"provider": provider, "spend": dollars(nano)} for provider, nano in _most(found)])

    async def by_tag(self, request: Request) -> Response:
        rows = await self._by_tag(request)
        wanted = frozenset(name for name in text(request, "tags").split(",") if name)
        shown = [
            {"name": row["individual_request_tag"], "spend": row["total_spend"], "log_count": row["log_count"]}
            for row in rows
            if not wanted or row["individual_request_tag"] in wanted
        ]
        return answer({"spend_per_tag": shown})

    async def report(self, request: Request) -> Response:
        """By day and team, user or key, each with its models."""
        kinds = {"team": By.TEAM, "customer": By.USER, "internal_user_id": By.USER, "api_key": By.KEY}
        kind = text(request, "group_by", "team")
        if kind not in kinds:
            raise RequestError(f"group_by is {kind[:40]!r}", hint=f"write {', '.join(kinds)}")
        by = kinds[kind]
        found: dict[str, dict[str, list[UsageSum]]] = {}
        for row in await self._sums(request, By.DAY, by, By.MODEL):
            found.setdefault(row.day or "", {}).setdefault(getattr(row, by.value) or "Unassigned", []).append(row)
        plural = "teams" if by is By.TEAM else "users" if by is By.USER else "api_keys"
        return answer(
            [
                {"group_by_day": day, plural: [_reported(kind, name, rows) for name, rows in sorted(groups.items())]}
                for day, groups in sorted(found.items())
            ]
        )

    async def activity(self, request: Request) -> Response:
        rows = await self._sums(request, By.DAY)
        daily = [
            {"date": row.day, "api_requests": row.attempts, "total_tokens": row.prompt_tokens + row.completion_tokens}
            for row in rows
        ]
        return answer(
            {
                "daily_data": daily,
                "sum_api_requests": sum(row.attempts for row in rows),
                "sum_total_tokens": sum(row.prompt_tokens + row.completion_tokens for row in rows),
            }
        )


def find(services: Services, name: str) -> ModelRoute:
    """The model of this name, or the first behind the alias.  Raises NotFound."""
    routes, aliases = models.served(services)
    by_name = {model.name: model for model in routes}
    for alias in aliases:
        if alias.name == name:
            name = next((target for target in alias.targets if target in by_name), name)
    if name not in by_name:
        raise NotFound(f"Invalid model name passed in model={name[:80]!r}", hint="GET /v1/models lists what there is")
    return by_name[name]


def _tokens(wanted: Calculation) -> Tokens:
    """Of the usage that an answer reports, or of messages by their length.  Raises RequestError."""
    usage = wanted.completion_response.get("usage")
    if not isinstance(usage, dict):
        if not wanted.messages:
            raise RequestError("there is nothing to price", hint="send messages, or completion_response with its usage")
        return Tokens(prompt=estimated_tokens(msgspec.json.encode({"messages": wanted.messages})))
    counts = [usage.get(name, 0) for name in ("prompt_tokens", "completion_tokens")]
    if not all(isinstance(count, int) and 0 <= count < 1 << 40 for count in counts):
        raise RequestError("the usage is not whole numbers of tokens", hint="send it as it was answered")
    return Tokens(prompt=counts[0], completion=counts[1])


def _added(rows: Iterable[UsageSum], by: str) -> dict[str, int]:
    """Nano-dollars by the value of one member."""
    found: dict[str, int] = {}
    for row in rows:
        name = getattr(row, by) or ""
        found[name] = found.get(name, 0) + row.cost
    return found


def _most(found: dict[str, int]) -> list[tuple[str, int]]:
    """The dearest first."""
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _reported(kind: str, name: str, rows: list[UsageSum]) -> dict[str, Any]:
    label = {"team": "team_name", "customer": "customer"}.get(kind, kind)
    return {
        label: name,
        "total_spend": dollars(sum(row.cost for row in rows)),
        "metadata": [
            {
                "model": row.model,
                "spend": dollars(row.cost),
                "total_tokens": row.prompt_tokens + row.completion_tokens,
            }
            for row in rows
        ],
    }


def routes(services: Services) -> tuple[Endpoint, ...]:
    spending = Spending(services)
    rows: tuple[tuple[str, Callable[[Request], Any], str], ...] = (
        ("/spend/keys", spending.keys, "keys by what they spent"),
        ("/spend/users", spending.users, "users by what they spent"),
        ("/spend/tags", spending.tags, "tags by what they spent"),
        ("/global/spend", spending.total, "what was spent in all"),
        ("/global/spend/logs", spending.by_day, "what was spent by day"),
        ("/global/spend/keys", spending.by_key, "what was spent by key"),
        ("/global/spend/teams", spending.by_team, "what was spent by team"),
        ("/global/spend/models", spending.by_model, "what was spent by model"),
        ("/global/spend/provider", spending.by_provider, "what was spent by provider"),
        ("/global/spend/tags", spending.by_tag, "what was spent by tag"),
        ("/global/spend/report", spending.report, "what was spent by day and group"),
        ("/global/activity", spending.activity, "requests and tokens by day"),
    )
    calculate = Endpoint("POST", "/spend/calculate", spending.calculate, "LiteLLM: what would it cost", Policy.OWN)
    every = (Endpoint("GET", path, handler, f"LiteLLM: {summary}", Policy.ADMIN) for path, handler, summary in rows)
    return shaped((*every, calculate))
