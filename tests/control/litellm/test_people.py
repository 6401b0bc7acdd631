from __future__ import annotations

from glowplug.control.litellm import people, spent
from glowplug.domain.budget import Scope
from glowplug.domain.change import OURSELVES
from glowplug.store.usage import By
from tests.control.conftest import Control


async def test_what_is_sent_is_given_and_null_takes_away(control: Control) -> None:
    services = control.services
    await people.allow(services, Scope.TEAM, "web", {"max_budget": 2, "rpm_limit": 3}, OURSELVES)
    await people.allow(services, Scope.TEAM, "web", {"tpm_limit": 4, "budget_duration": "1d"}, OURSELVES)
    row = people.row(services, By.TEAM, "web", await spent.sheet(services, By.TEAM))
    assert (row["max_budget"], row["budget_duration"], row["rpm_limit"], row["tpm_limit"]) == (2.0, "1d", 3, 4)
    nothing = {"max_budget": None, "rpm_limit": None, "tpm_limit": None}
    for _ in range(2):
        await people.allow(services, Scope.TEAM, "web", nothing, OURSELVES)
        assert (control.budgets.every(), control.limits.every()) == ((), ())


async def test_everybody_that_anything_names(control: Control) -> None:
    await people.allow(control.services, Scope.TEAM, "b", {"max_budget": 2}, OURSELVES)
    await people.allow(control.services, Scope.TEAM, "l", {"rpm_limit": 3}, OURSELVES)
    sheet = await spent.sheet(control.services, By.TEAM)
    assert people.names(control.services, By.TEAM, sheet, ("k",)) == ["b", "k", "l"]
