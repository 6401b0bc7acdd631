"""Makes the lines of a history: the same ones for the same numbers, in the order in which they would have come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from glowplug.domain.access import ApiKey
from glowplug.domain.change import Change
from glowplug.domain.price import LOCAL, Price, Rates
from glowplug.domain.tariff import MILLION
from glowplug.domain.usage import AttemptClosed, Outcome

DAY: Final = 86_400.0
END: Final = 1_764_115_200.0
"""2025-11-26, midnight UTC: the history ends before it."""
PROVIDERS: Final = ("local", "openai", "anthropic", "mistral", "openrouter")
VERSION: Final = "seed"
_HOURS: Final = (1, 1, 1, 1, 1, 2, 3, 6, 9, 10, 10, 9, 8, 9, 10, 10, 9, 7, 5, 4, 3, 3, 2, 2)
"""How much of a day falls into each of its hours."""
_ODD: Final = (
    (Outcome.UPSTREAM_ERROR, 500),
    (Outcome.UPSTREAM_ERROR, 429),
    (Outcome.TIMEOUT, 0),
    (Outcome.CLIENT_GONE, 200),
)
_PROMPT, _COMPLETION = 250, 1_000
"""Nano-dollars a token."""


@dataclass(frozen=True)
class Shape:
    """How much of what there is."""

    requests: int
    days: int = 90
    keys: int = 200
    models: int = 30
    tags: int = 20
    changes: int = 20_000

    def model_names(self) -> list[str]:
        """Models, those of a provider one after the other."""
        return [f"{PROVIDERS[number * len(PROVIDERS) // self.models]}-{number}" for number in range(self.models)]

    def providers(self) -> dict[str, str]:
        """Models → who serves them."""
        return {name: name.partition("-")[0] for name in self.model_names()}


@dataclass(frozen=True)
class _Caller:
    key: str
    user: str
    team: str
    tags: tuple[str, ...]
    models: tuple[str, ...]


def _callers(shape: Shape, random: Random) -> list[_Caller]:
    models = shape.model_names()
    return [
        _Caller(
            key=f"key_{number:04}",
            user=f"user{number % 60}",
            team=f"team{number % 10}",
            tags=tuple(f"tag{random.randrange(shape.tags)}" for _ in range(number % 3)),
            models=tuple(random.sample(models, min(len(models), 1 + number % 8))),
        )
        for number in range(shape.keys)
    ]


def keys(shape: Shape) -> Iterator[ApiKey]:
    """The API keys; nobody knows their texts."""
    for one in _callers(shape, Random(1)):
        yield ApiKey(
            id=one.key, name=f"name of {one.key}", display="sk-gp-…", created_at=END - shape.days * DAY, user=one.user,
            team=one.team, tags=one.tags, digest=one.key.encode().ljust(32, b"\0"),
        )  # fmt: skip


def price() -> Price:
    """What every model that is not here costs."""
    return Price(version=VERSION, rates=Rates(prompt=_PROMPT * MILLION, completion=_COMPLETION * MILLION))


def lines(shape: Shape) -> Iterator[AttemptClosed]:
    """Attempts as they ended: two of 100 requests went to a second model, three went wrong.  A few keys have most."""
    random = Random(2)
    callers = _callers(shape, Random(1))
    weights = [1.0 / (1 + number) for number in range(len(callers))]
    made = 0
    for day in range(shape.days):
        start = END - (shape.days - day) * DAY
        of_day = (day + 1) * shape.requests // shape.days - made
        moments: list[float] = []
        for hour, share in enumerate(_HOURS):
            count = of_day * share // sum(_HOURS) if hour < 23 else of_day - len(moments)
            moments += sorted(start + hour * 3600 + random.random() * 3600 for _ in range(count))
        worker = f"req_{random.getrandbits(64):016x}"
        for number, (moment, caller) in enumerate(
            zip(moments, random.choices(callers, weights, k=of_day), strict=True)
        ):
            yield from _request(f"{worker}{number:08x}", moment, caller, random)
        made += of_day


def _request(request: str, started: float, caller: _Caller, random: Random) -> Iterator[AttemptClosed]:
    model = random.choice(caller.models)
    asked = "fast" if random.random() < 0.2 else model
    dice = random.random()
    outcome, status = _ODD[int(dice * 1e4) % len(_ODD)] if dice < 0.05 else (Outcome.OK, 200)
    yield _attempt(request, 0, started, caller, asked, model, outcome, status, random)
    if dice < 0.02:
        other = random.choice(caller.models)
        yield _attempt(request, 1, started + 0.5, caller, asked, other, Outcome.OK, 200, random)


def _attempt(
    request: str, attempt: int, started: float, caller: _Caller, asked: str, model: str, outcome: Outcome, status: int,
    random: Random,
) -> AttemptClosed:  # fmt: skip
    prompt, completion = random.randrange(20, 4000), random.randrange(1, 900) if outcome is Outcome.OK else 0
    here = model.startswith("local")
    cost = 0 if here else prompt * _PROMPT + completion * _COMPLETION
    return AttemptClosed(
        request, attempt, caller.key, asked, model, "/v1/chat/completions", started, 0.2 + completion / 100, 0.2,
        status, outcome, prompt, completion, prompt // 4, False, True, caller.user, caller.team, caller.tags, cost=cost,
        price=LOCAL if here else VERSION, reason="first" if attempt == 0 else "failover; upstream_error",
    )  # fmt: skip


def changes(shape: Shape) -> Iterator[Change]:
    """The audit log."""
    for number in range(shape.changes):
        yield Change(
            id=f"change_{number:016x}", at=END - shape.days * DAY * (1 - number / shape.changes),
            by=f"user{number % 7}", through="session", action="update", noun="key" if number % 4 else "budget",
            subject=f"key_{number % 200:04}", before={"rpm": number}, after={"rpm": number + 1}, request="",
        )  # fmt: skip
