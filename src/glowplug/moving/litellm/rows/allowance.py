"""What somebody may spend and how fast, as keys, users, teams, organisations and budgets all have it in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.moving.litellm.values import NOT_SET, Row, nano_dollars, whole_number

COLUMNS = (
    "max_budget",
    "soft_budget",
    "budget_duration",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "max_parallel_requests",
    "model_max_budget",
    "budget_limits",
)
MOMENTS = ("budget_reset_at",)


@dataclass(frozen=True)
class ModelAllowance:
    """The same for one model."""

    model: str
    most: int | None = None
    """Nano-dollars in a period."""
    period: str = ""
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None


@dataclass(frozen=True)
class Window:
    """A further amount for a further period."""

    most: int
    """Nano-dollars."""
    period: str


@dataclass(frozen=True)
class Allowance:
    """None everywhere: nothing is limited."""

    most: int | None = None
    """Nano-dollars in a period, or altogether."""
    warn: int | None = None
    """Nano-dollars at which somebody is told."""
    period: str = ""
    """As LiteLLM writes it: `30s`, `5m`, `24h`, `30d`, `1mo`; empty: it never begins again."""
    resets: float | None = None
    """When the period ends, in seconds since 1970."""
    tokens_per_minute: int | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    at_once: int | None = None
    """Requests that may run side by side."""
    models: tuple[ModelAllowance, ...] = ()
    windows: tuple[Window, ...] = ()


def read_allowance(row: Row, metadata: Mapping[str, Value] | None = None) -> Allowance:
    """The allowance in a row's columns, and in its metadata the limits of single models."""
    return Allowance(
        most=row.money("max_budget"),
        warn=row.money("soft_budget"),
        period=row.text("budget_duration"),
        resets=row.moment("budget_reset_at"),
        tokens_per_minute=row.whole("tpm_limit"),
        requests_per_minute=row.whole("rpm_limit"),
        tokens_per_day=row.whole("tpd_limit"),
        at_once=row.whole("max_parallel_requests"),
        models=_models(row, metadata or {}),
        windows=_windows(row),
    )


def _models(row: Row, metadata: Mapping[str, Value]) -> tuple[ModelAllowance, ...]:
    """From `model_max_budget` (`{"m": 10}` or `{"m": {"budget_limit": 10, "time_period": "1d"}}`) and the metadata."""
    budgets = row.tree("model_max_budget")
    tokens, requests = (metadata.get(f"model_{unit}_limit") for unit in ("tpm", "rpm"))
    tokens = tokens if isinstance(tokens, dict) else {}
    requests = requests if isinstance(requests, dict) else {}
    found = []
    for model in dict.fromkeys([*budgets, *tokens, *requests]):
        budget = budgets.get(model)
        rules = budget if isinstance(budget, dict) else {"budget_limit": budget}
        most = nano_dollars(rules.get("budget_limit", rules.get("max_budget")))
        if budget is not None and most is None and not isinstance(budget, dict):
            row.note(Outcome.CHANGED, f"model_max_budget of {model} is no amount of money", NOT_SET)
        found.append(
            ModelAllowance(
                model,
                most,
                str(rules.get("time_period") or rules.get("budget_duration") or ""),
                whole_number(tokens.get(model, rules.get("tpm_limit"))),
                whole_number(requests.get(model, rules.get("rpm_limit"))),
            )
        )
    return tuple(found)


def _windows(row: Row) -> tuple[Window, ...]:
    """From `budget_limits`: `[{"max_budget": 10, "budget_duration": "1d"}]`."""
    limits = row.value("budget_limits")
    if limits is None or limits == {} or limits == []:
        return ()
    found = []
    for one in limits if isinstance(limits, list) else [limits]:
        most = nano_dollars(one.get("max_budget")) if isinstance(one, dict) else None
        if isinstance(one, dict) and most is not None:
            found.append(Window(most, str(one.get("budget_duration") or "")))
        else:
            row.note(Outcome.LEFT, "an entry of budget_limits", "it has no amount of money")
    return tuple(found)


class Scope(StrEnum):
    """Which models somebody may use."""

    ALL = "all"
    TEAM = "team"
    """Those of the team, and the ones listed beside."""
    NONE = "none"
    """None of their own: only what a team gives."""
    LISTED = "listed"


_ALL, _TEAM, _NONE = "all-proxy-models", "all-team-models", "no-default-models"


@dataclass(frozen=True)
class AllowedModels:
    scope: Scope = Scope.ALL
    names: tuple[str, ...] = ()
    """Names, wildcards and names of access groups."""


def read_models(row: Row, column: str = "models") -> AllowedModels:
    """A list of models, whose sentinels are no names; an empty list allows all of them."""
    listed = row.names(column)
    names = tuple(name for name in listed if name not in (_ALL, _TEAM, _NONE))
    if not listed or _ALL in listed:
        return AllowedModels(Scope.ALL)
    if _TEAM in listed:
        return AllowedModels(Scope.TEAM, names)
    return AllowedModels(Scope.LISTED, names) if names else AllowedModels(Scope.NONE)
