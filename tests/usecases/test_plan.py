from __future__ import annotations

import pytest

from glowplug.domain.model import Cold, LocalModel
from glowplug.domain.plan import PlanView, Verdict
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.errors import Conflict, NotFound
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.plan import AliasPlan, Plans, check_local
from tests.usecases.managers import CATALOG
from tests.usecases.planners import FakePlanner

TWO = Catalog(
    models=tuple(ModelRoute(name=name, local=name != "cloud", upstream_model=name) for name in ("a", "b", "cloud")),
    local=(LocalModel(name="b", engine="llamacpp"), LocalModel(name="a", engine="llamacpp")),
    aliases=(
        AliasRoute(name="all", targets=("a", "cloud", "b"), cold=Cold.CLOUD_WHILE_COLD),
        AliasRoute(name="away", targets=("cloud",)),
    ),
)


@pytest.fixture
async def planner() -> FakePlanner:
    return FakePlanner()


async def test_a_model_has_one_plan(planner: FakePlanner) -> None:
    plan = Plans(lambda: CATALOG, planner).plan("local")
    assert isinstance(plan, PlanView)
    assert (plan.model, plan.verdict) == ("local", Verdict.FITS)


async def test_an_alias_has_one_for_each_target_that_is_run_here_in_order(planner: FakePlanner) -> None:
    plan = Plans(lambda: TWO, planner).plan("all")
    assert isinstance(plan, AliasPlan)
    assert (plan.alias, plan.targets, plan.cold) == ("all", ("a", "cloud", "b"), "cloud-while-cold")
    assert [one.model for one in plan.data] == ["a", "b"] == planner.planned


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("locl", NotFound, "did you mean local?"),
        ("entirely-else", NotFound, "models and aliases"),
        ("cloud", Conflict, "its provider runs it"),
        ("unset", Conflict, "OPENAI_API_KEY is not set"),
    ],
)
async def test_what_cannot_be_planned_says_why(
    planner: FakePlanner, name: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error) as caught:
        Plans(lambda: CATALOG, planner).plan(name)
    assert says in str(caught.value)
    assert planner.planned == []


async def test_an_alias_that_is_answered_elsewhere(planner: FakePlanner) -> None:
    with pytest.raises(Conflict, match="no target of away"):
        Plans(lambda: TWO, planner).plan("away")


def test_a_local_model_is_fine() -> None:
    check_local(CATALOG, "local")
