from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.money import NANO, decimal_usd, format_usd, parse_usd


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


@given(st.integers(0, 1 << 53))
def test_dollars_are_read_exactly(nano: int) -> None:
    assert parse_usd(decimal_usd(nano)) == nano


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0.1", 100_000_000),
        ("3", 3 * NANO),
        ("3.00", 3 * NANO),
        ("1e-3", 1_000_000),
        (".5", NANO // 2),
        ("2.", 2 * NANO),
    ],
)
def test_dollars_as_people_write_them(text: str, nano: int) -> None:
    assert parse_usd(text) == nano


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "1_0", "0.0000000001", "$3", "true", "1e99", "12345678"])
def test_what_is_no_number_of_dollars(text: str) -> None:
    with pytest.raises(ValueError):
        parse_usd(text)
