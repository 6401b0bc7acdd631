from __future__ import annotations

from glowplug.domain.energy import energy_cost


def test_a_price_is_rounded_up() -> None:
    assert energy_cost(300_000_000, 3_600_000_000) == 300_000_000
    assert energy_cost(300_000_000, 1) == 1
    assert energy_cost(300_000_000, 0) == energy_cost(300_000_000, None) == 0
