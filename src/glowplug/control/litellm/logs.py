"""`/spend/logs`: lines of the ledger as rows of LiteLLM's spend logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import naming, spent
from glowplug.control.litellm.shapes import days, dollars, iso, number, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.usage import Outcome
from glowplug.errors import NotFound
from glowplug.store.requests import RequestView
from glowplug.store.usage import By
from glowplug.usecases.requests import Requests

_MOST = 10_000
"""Rows of one answer without pages."""
_USUAL = 50
_SPAN = (0.0, 1e12)
_CALLS = {
    "/chat/completions": "acompletion",
    "/completions": "atext_completion",
    "/embeddings": "aembedding",
    "/messages": "anthropic_messages",
    "/responses": "aresponses",
    "/rerank": "arerank",
    "/audio/transcriptions": "atranscription",
    "/audio/speech": "aspeech",
    "/images/generations": "aimage_generation",
    "/moderations": "amoderation",
}


class Logs:
    """What `/spend/logs` does."""

    def __init__(self, services: Services, requests: Requests) -> None:
        self._services = services
        self._requests = requests

    def _row(self, request: RequestView) -> dict[str, Any]:
        last = request.attempts[-1]
        ended = last.started + last.duration
        named = (request.user, *request.tags)
        good = request.outcome in (Outcome.OK.value, "")
        return {
            "request_id": request.request,
            "call_type": _CALLS.get(request.path.removeprefix("/v1"), request.path),
            "api_key": self._token(request.key),
            "spend": dollars(request.cost),
            "total_tokens": request.prompt_tokens + request.completion_tokens,
            "prompt_tokens": request.prompt_tokens,
            "completion_tokens": request.completion_tokens,
            "startTime": iso(request.started),
            "endTime": iso(ended),
            "completionStartTime": iso(last.started + last.first_byte) if last.first_byte else None,
            "request_duration_ms": round((ended - request.started) * 1000),
            "model": last.model,
            "model_id": last.model,
            "model_group": request.asked,
            "custom_llm_provider": "",
            "api_base": "",
            "user": request.user,
            "team_id": request.team or None,
            "end_user": next((one.removeprefix("end:") for one in named if one.startswith("end:")), ""),
            "request_tags": list(request.tags),
            "cache_hit": "False",
            "cache_key": "",
            "session_id": request.trace or None,
            "status": "success" if good else "failure",
            "metadata": {"status": "success" if good else "failure", "attempts": len(request.attempts)},
            "messages": {},
            "response": {},
        }

    def _token(self, key_id: str) -> str:
        key = naming.find(self._services.keys, key_id)
        return naming.token(key) if key is not None else key_id

    def _only(self, request: Request) -> dict[str, str]:
        only = {
            "key": text(request, "api_key"), "user": text(request, "user_id"), "team": text(request, "team_id"),
            "asked": text(request, "model"),
        }  # fmt: skip
        found = naming.find(self._services.keys, only["key"]) if only["key"] else None
        if found is not None:
            only["key"] = found.id
        elif only["key"].startswith("sk-"):
            raise NotFound("there is no API key of that text", hint="GET /key/list has those there are")
        return {name: value for name, value in only.items() if value}

    async def show(self, request: Request) -> Response:
        """Rows; of a span of days their sums by day, unless `summarize=false`."""
        wanted = text(request, "request_id")
        if wanted:
            try:
                return answer([self._row(await self._requests.show(wanted))])
            except NotFound:
                return answer([])
        only = self._only(request)
        dated = bool(text(request, "start_date") and text(request, "end_date"))
        since, until = days(request, self._services.clock.unix())
        if dated and text(request, "summarize", "true").lower() == "true" and "asked" not in only:
            return answer(await self._by_day(since, until, only))
        span = _span(since, until) if dated else _SPAN
        rows, _ = await self._requests.between(span, only, number(request, "limit", _MOST, _MOST))
        return answer([self._row(row) for row in rows])

    async def _by_day(self, since: str, until: str, only: dict[str, str]) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for row in await spent.sums(self._services, (By.MODEL, By.KEY, By.DAY, By.USER, By.TEAM), since, until):
            if all(getattr(row, name) == value for name, value in only.items()):
                day = row.day or ""
                one = found.setdefault(day, {"startTime": day, "spend": 0, "users": {}, "models": {}})
                one["spend"] += row.cost
                one["users"][row.user or ""] = one["users"].get(row.user or "", 0) + row.cost
                one["models"][row.model] = one["models"].get(row.model, 0) + row.cost
        for one in found.values():
            one["spend"] = dollars(one["spend"])
            for member in ("users", "models"):
                one[member] = {name: dollars(cost) for name, cost in one[member].items()}
        return [found[day] for day in sorted(found)]

    async def paged(self, request: Request) -> Response:
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, 1000)
        dated = bool(text(request, "start_date") or text(request, "end_date"))
        span = _span(*days(request, self._services.clock.unix())) if dated else _SPAN
        rows, total = await self._requests.between(span, self._only(request), size, (page - 1) * size)
        return answer(
            {
                "data": [self._row(row) for row in rows],
                "total": total,
                "page": page,
                "page_size": size,
                "total_pages": -(-total // size),
            }
        )


def _span(since: str, until: str) -> tuple[float, float]:
    """Unix seconds from the beginning of the first UTC day to the end of the last."""
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until))
    return first.timestamp(), (last + timedelta(days=1)).timestamp()


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.requests is None:
        return ()
    logs = Logs(services, services.requests)
    return shaped(
        (
            Endpoint("GET", "/spend/logs", logs.show, "LiteLLM: lines of the ledger", Policy.ADMIN),
            Endpoint("GET", "/spend/logs/v2", logs.paged, "LiteLLM: lines of the ledger, in pages", Policy.ADMIN),
            Endpoint("GET", "/spend/logs/ui", logs.paged, "LiteLLM: lines of the ledger, in pages", Policy.ADMIN),
        )
    )
