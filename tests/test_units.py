from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.units import format_duration, format_energy, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("2d", 172_800),
        (" 45s ", 45),
        ("300", 300),
        (300, 300),
        (0.5, 0.5),
        ("0", 0),
        (-1, math.inf),
        ("-1", math.inf),
        ("-5m", math.inf),
    ],
)
def test_durations_are_read(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-", "5 m", "5x", "m5", "5m!", "1h 30m", "five", "1e3", "5mm"])
def test_what_is_no_duration_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration; write for example 30s, 5m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (45, "45s"),
        (300, "5m"),
        (5400, "1h30m"),
        (90_061, "1d1h1m1s"),
        (math.inf, "for ever"),
    ],
)
def test_durations_are_written(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**12))
def test_a_written_duration_reads_back(millis: int) -> None:
    assert round(parse_duration(format_duration(millis / 1000)) * 1000) == millis


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("14GiB", 14 * 2**30),
        ("512 MB", 512_000_000),
        ("64k", 64_000),
        ("64KiB", 65_536),
        ("1.5 gib", 3 * 2**29),
        ("7", 7),
        ("7b", 7),
        (7, 7),
    ],
)
def test_sizes_are_read(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GiB", "14 giraffes", "-1", "1 2", -1])
def test_what_is_no_size_is_refused(text: str | int) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (int(1.46 * 2**30), "1.46 GiB"),
        (200 * 2**20, "200 MiB"),
        (5000 * 2**40, "5000 TiB"),
    ],
)
def test_sizes_are_written(size: int, text: str) -> None:
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("millijoules", "text"),
    [
        (0, "0 mWh"),
        (1, "0.000278 mWh"),
        (100_000, "27.8 mWh"),
        (3_599_999, "1 Wh"),
        (44_280_000, "12.3 Wh"),
        (3_599_000_000, "1 kWh"),
        (4_428_000_000, "1.23 kWh"),
    ],
)
def test_energy_is_written_for_people(millijoules: int, text: str) -> None:
    assert format_energy(millijoules) == text
