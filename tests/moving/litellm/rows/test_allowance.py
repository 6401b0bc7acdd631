from __future__ import annotations

import pytest

from glowplug.moving.litellm.rows.allowance import (
    Allowance,
    AllowedModels,
    ModelAllowance,
    Scope,
    Window,
    read_allowance,
    read_models,
)
from glowplug.moving.litellm.values import Row
from tests.moving.litellm.rows.reading import notes, reading


def test_nothing_is_limited_by_nothing() -> None:
    assert read_allowance(Row("T", "1", {}, reading())) == Allowance()


def test_columns_and_metadata_make_one_allowance() -> None:
    columns = {
        "max_budget": 3.0,
        "soft_budget": 2.5,
        "budget_duration": "24h",
        "budget_reset_at": 1000.0,
        "tpm_limit": 5000,
        "rpm_limit": "10",
        "max_parallel_requests": 2,
        "model_max_budget": {"chat": {"budget_limit": "1.5", "time_period": "7d"}, "embed": 2},
        "budget_limits": '[{"max_budget": 1, "budget_duration": "1h"}]',
    }
    allowance = read_allowance(Row("T", "1", columns, reading()), {"model_rpm_limit": {"chat": "5", "other": 6}})
    assert allowance == Allowance(
        most=3_000_000_000,
        warn=2_500_000_000,
        period="24h",
        resets=1000.0,
        tokens_per_minute=5000,
        requests_per_minute=10,
        at_once=2,
        models=(
            ModelAllowance("chat", 1_500_000_000, "7d", requests_per_minute=5),
            ModelAllowance("embed", 2_000_000_000),
            ModelAllowance("other", requests_per_minute=6),
        ),
        windows=(Window(1_000_000_000, "1h"),),
    )


def test_what_is_no_budget_is_noted() -> None:
    read = reading()
    columns = {"model_max_budget": {"chat": "lots"}, "budget_limits": [{"budget_duration": "1h"}, 5]}
    allowance = read_allowance(Row("T", "1", columns, read), {"model_tpm_limit": "odd"})
    assert (allowance.models, allowance.windows) == ((ModelAllowance("chat"),), ())
    assert len(notes(read)) == 3


@pytest.mark.parametrize(
    ("listed", "allowed"),
    [
        ([], AllowedModels(Scope.ALL)),
        (None, AllowedModels(Scope.ALL)),
        (["all-proxy-models", "a"], AllowedModels(Scope.ALL)),
        (["all-team-models"], AllowedModels(Scope.TEAM)),
        (["all-team-models", "a"], AllowedModels(Scope.TEAM, ("a",))),
        (["no-default-models"], AllowedModels(Scope.NONE)),
        (["no-default-models", "a", "openai/*"], AllowedModels(Scope.LISTED, ("a", "openai/*"))),
    ],
)
def test_sentinels_are_no_names(listed: object, allowed: AllowedModels) -> None:
    assert read_models(Row("T", "1", {"models": listed}, reading())) == allowed
