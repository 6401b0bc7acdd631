"""Spend logs and daily sums for a LiteLLM database: days that agree with their logs, days that differ as real ones do.

| day (November 2026) | what happened |
|---|---|
| 1 | older than the logs that were kept: only sums are left |
| 2 | the oldest log is of this day, and half of its logs are gone |
| 3 | everything agrees; a key with a NULL was written in two parts, whose sum is right |
| 4 | a key with a NULL was written twice over; another day's row was dropped; a model has sums and no logs |

Three keys of two people and two teams used three models, each of them another number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from glowplug.testing.litellm_seed_people import hashed

if TYPE_CHECKING:
    import psycopg

Insert = Callable[[str, Mapping[str, object]], None]
NANO = 1_000_000_000
LOGS = "LiteLLM_SpendLogs"
_PRICE = {"gpt-4o": 0.0000125, "qwen3:32b": 0.0, "o3": 0.00003333333}
"""Dollars a token."""
DEPLOYMENTS: Mapping[str, str] = {"gpt-4o": "m-cloud-1", "o3": "m-cloud-2", "qwen3:32b": "m-local"}
"""What a provider calls a model → the deployment that the logs name."""


class Who(NamedTuple):
    """Who used something."""

    key: str
    """Its alias."""
    user: str
    team: str
    tags: tuple[str, ...] = ()


class Share(NamedTuple):
    """What one sum is of."""

    day: str
    key: str
    """Hash."""
    team: str
    model: str
    """What its provider calls it."""


_ANN = Who("plain", "u-ann", "team-search", ("batch", "night"))
_BOB = Who("of the team", "u-bob", "team-old")
_CI = Who("limited", "u-ann", "team-old")


@dataclass
class PlantedHistory:
    requests: int = 0
    """Logs that can be used."""
    failed: int = 0
    cost: dict[str, int] = field(default_factory=dict)
    """Hash of a key → nano-dollars of its logs."""
    shares: dict[Share, tuple[int, int, int]] = field(default_factory=dict)
    """Requests, prompt tokens and nano-dollars that were really used.  No two of the same kind have equal sums, so that
    whoever takes one for another is found out."""
    differences: dict[tuple[str, str], str] = field(default_factory=dict)
    """(day, model) → name of the reason in `moving.litellm.daily`."""
    duplicates: int = 0
    traps: dict[str, str] = field(default_factory=dict)

    def sums(self, *of: str) -> dict[tuple[str, ...], tuple[int, int, int]]:
        """What was really used by some of the fields of `Share`."""
        found: dict[tuple[str, ...], tuple[int, int, int]] = {}
        for share, (requests, prompt, cost) in self.shares.items():
            which = tuple(getattr(share, name) for name in of)
            before = found.get(which, (0, 0, 0))
            found[which] = (before[0] + requests, before[1] + prompt, before[2] + cost)
        return found


class _Planter:
    def __init__(self, insert: Insert, keys: Mapping[str, str]) -> None:
        self._insert = insert
        self._numbers = count(1)
        self._keys = {alias: hashed(key) for alias, key in keys.items()}
        self.who = _ANN
        self.planted = PlantedHistory()

    @property
    def key(self) -> str:
        """Hash of the key of who uses something now."""
        return self._keys[self.who.key]

    def logs(self, day: int, model: str, requests: int, provider: str | None = "openai", **more: object) -> None:
        """So many requests of 10 prompt tokens and 5 completion tokens."""
        for _ in range(requests):
            number = next(self._numbers)
            spend = _PRICE[model] * 15
            at = f"2026-11-{day:02d} {number % 24:02d}:00:{number % 60:02d}"
            self._insert(
                LOGS,
                {
                    "request_id": f"req-{number:04d}",
                    "call_type": "acompletion",
                    "api_key": self.key,
                    "spend": spend,
                    "total_tokens": 15,
                    "prompt_tokens": 10,
                    "completion_tokens": 5,
                    "startTime": at,
                    "endTime": at,
                    "model": model,
                    "model_id": DEPLOYMENTS[model],
                    "model_group": "chat",
                    "custom_llm_provider": provider,
                    "user": self.who.user,
                    "team_id": self.who.team,
                    "end_user": "alice@shop",
                    "request_tags": list(self.who.tags) if number % 2 else [],
                    "metadata": {"usage_object": {"cache_read_input_tokens": 4}, "user_api_key_alias": self.who.key},
                    "status": "success",
                    **more,
                },
            )
            self.planted.requests += 1
            self.planted.failed += more.get("status") == "failure"
            self.planted.cost[self.key] = self.planted.cost.get(self.key, 0) + round(spend * NANO)

    def row(self, day: int, model: str, requests: int, provider: str | None = "openai") -> None:
        """A daily row of so many of them."""
        number = next(self._numbers)
        for table, entity in (
            ("LiteLLM_DailyUserSpend", {"user_id": self.who.user}),
            ("LiteLLM_DailyTeamSpend", {"team_id": self.who.team}),
        ):
            self._insert(
                table,
                {
                    "id": f"day-{number}",
                    **entity,
                    "date": f"2026-11-{day:02d}",
                    "api_key": self.key,
                    "model": model,
                    "model_group": "chat",
                    "custom_llm_provider": provider,
                    "prompt_tokens": 10 * requests,
                    "completion_tokens": 5 * requests,
                    "cache_read_input_tokens": 4 * requests,
                    "spend": sum(_PRICE[model] * 15 for _ in range(requests)),
                    "api_requests": requests,
                    "successful_requests": requests,
                    "updated_at": f"2026-11-{day:02d} 23:59:59",
                },
            )

    def used(self, day: int, model: str, requests: int, differs: str = "", *, of_logs: bool = False) -> None:
        """What is right for a day."""
        each = round(_PRICE[model] * 15 * NANO) if of_logs else None
        cost = each * requests if each is not None else round(sum(_PRICE[model] * 15 for _ in range(requests)) * NANO)
        self.planted.shares[self.share(day, model)] = (requests, 10 * requests, cost)
        if differs:
            self.planted.differences[f"2026-11-{day:02d}", model] = differs

    def share(self, day: int, model: str) -> Share:
        return Share(f"2026-11-{day:02d}", self.key, self.who.team, model)


def plant_history(insert: Insert, keys: Mapping[str, str]) -> PlantedHistory:
    planter = _Planter(insert, keys)
    planter.row(1, "gpt-4o", 40)
    planter.used(1, "gpt-4o", 40, "DELETED")

    planter.logs(2, "gpt-4o", 5)
    planter.row(2, "gpt-4o", 10)
    planter.used(2, "gpt-4o", 10, "DELETED")

    planter.logs(3, "gpt-4o", 12)
    planter.logs(3, "gpt-4o", 1, status="failure", spend=0.0, prompt_tokens=0, completion_tokens=0, metadata={})
    planter.planted.cost[planter.key] -= round(_PRICE["gpt-4o"] * 15 * NANO)
    planter.row(3, "gpt-4o", 12)
    planter.used(3, "gpt-4o", 13, "DROPPED", of_logs=True)
    planter.planted.shares[planter.share(3, "gpt-4o")] = (13, 120, 12 * round(_PRICE["gpt-4o"] * 15 * NANO))
    planter.logs(3, "qwen3:32b", 6, provider="")
    planter.row(3, "qwen3:32b", 2, provider=None)
    planter.row(3, "qwen3:32b", 4, provider=None)
    planter.used(3, "qwen3:32b", 6)

    planter.logs(4, "o3", 7, provider="")
    planter.row(4, "o3", 7, provider=None)
    planter.row(4, "o3", 7, provider=None)
    planter.used(4, "o3", 7, "DOUBLED", of_logs=True)
    planter.logs(4, "gpt-4o", 9)
    planter.used(4, "gpt-4o", 9, "DROPPED", of_logs=True)
    planter.row(4, "qwen3:32b", 3, provider="ollama_chat")
    planter.used(4, "qwen3:32b", 3, "UNLOGGED")
    planter.planted.duplicates = 2
    _others(planter)
    _odd_logs(insert, planter.planted)
    return planter.planted


def _others(planter: _Planter) -> None:
    """Other keys, people and teams with the same models on the same days."""
    for who, days in (
        (_BOB, {2: {"gpt-4o": 3}, 3: {"gpt-4o": 4, "o3": 2}, 4: {"o3": 5, "qwen3:32b": 8}}),
        (_CI, {2: {"o3": 1}, 3: {"qwen3:32b": 11}, 4: {"gpt-4o": 2, "o3": 3}}),
    ):
        planter.who = who
        for day, models in days.items():
            for model, requests in models.items():
                planter.logs(day, model, requests)
                planter.row(day, model, requests)
                planter.used(day, model, requests, of_logs=True)
    planter.who = _BOB
    planter.row(1, "o3", 6)
    planter.used(1, "o3", 6, "DELETED")


def _odd_logs(insert: Insert, planted: PlantedHistory) -> None:
    row = {"call_type": "acompletion", "startTime": "2026-11-04 12:00:00", "endTime": "2026-11-04 12:00:01"}
    insert(LOGS, row | {"request_id": "odd-nan", "spend": float("nan"), "model": "odd"})
    planted.traps["a log that costs no number"] = f"{LOGS}[odd-nan]"
    nothing = dict.fromkeys(("model_id", "model_group", "custom_llm_provider", "api_base", "user", "metadata"))
    insert(LOGS, row | {"request_id": "odd-nulls", "spend": 1e-10, "model": "odd", **nothing, "status": None})
    insert(LOGS, row | {"request_id": "odd-exact", "spend": 1234567.000000002, "model": "odd", "status": "success"})
    planted.requests += 2
    planted.shares[Share("2026-11-04", "", "", "odd")] = (2, 0, 1_234_567_000_000_002)
    planted.differences["2026-11-04", "odd"] = "DROPPED"


def seed_many(connection: psycopg.Connection[tuple[Any, ...]], rows: int = 1_000_000) -> None:
    """So many spend logs within a year before November 2026, by one statement; the connection commits."""
    connection.execute(
        """
        INSERT INTO "LiteLLM_SpendLogs" ("request_id", "call_type", "api_key", "spend", "total_tokens",
            "prompt_tokens", "completion_tokens", "startTime", "endTime", "model", "model_id", "model_group",
            "custom_llm_provider", "user", "team_id", "metadata", "request_tags", "status")
        SELECT 'chatcmpl-' || md5(n::text), 'acompletion', encode(sha256((n %% 50)::text::bytea), 'hex'),
            (n %% 997) * 0.000001, 150, 100, 50, at, at + interval '2 seconds', 'gpt-4o-' || n %% 7, 'm-' || n %% 7,
            'chat-' || n %% 7, 'openai', 'u-' || n %% 20, 'team-' || n %% 5,
            jsonb_build_object('usage_object', jsonb_build_object('cache_read_input_tokens', n %% 100),
                'user_api_key_alias', 'key ' || n %% 50, 'padding', repeat('x', 300)),
            '["batch"]'::jsonb, CASE WHEN n %% 100 = 0 THEN 'failure' ELSE 'success' END
        FROM (SELECT n, timestamp '2026-11-01' - n * interval '30 seconds' AS at
              FROM generate_series(1, %s) AS n) AS made
        """,
        (rows,),
    )
