from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.money import NANO, decimal_usd, format_usd


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"),
        (4_200_000, "$0.0042"),
        (1, "$0.000000001"),
        (NANO, "$1.00"),
        (1_500_000_000, "$1.50"),
        (-12_345_000_000, "-$12.345"),
    ],
)
def test_money_is_written_for_people(nano: int, text: str) -> None:
    assert format_usd(nano) == text


@given(st.integers(0, 10**18))
def test_no_nano_dollar_is_lost(nano: int) -> None:
    whole, rest = format_usd(nano).removeprefix("$").split(".")
    assert int(whole) * NANO + int(rest.ljust(9, "0")) == nano


@given(st.integers(-(1 << 63), 1 << 63))
def test_dollars_for_programs_are_exact(nano: int) -> None:
    text = decimal_usd(nano)
    assert Decimal(text) == Decimal(nano) / NANO
    assert "e" not in text.lower()
    assert decimal_usd(4_200_000) == "0.0042"
    assert decimal_usd(0) == "0"
    assert decimal_usd(20 * NANO) == "20"
