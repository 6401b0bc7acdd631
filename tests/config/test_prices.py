"""Prices in the file."""

from __future__ import annotations

from pathlib import Path

from glowplug.config.load import load
from glowplug.domain.price import Hours, Rates, Tier
from tests.config.conftest import Catalogue

HEAD = "providers: {p: {base_url: https://p/v1}}\nmodels:\n  m:\n    provider: p\n    id: x\n    price: "
NANO = 10**9


def loaded(tmp_path: Path, price: str):  # type: ignore[no-untyped-def]
    file = tmp_path / "glowplug.yaml"
    file.write_text(HEAD + price)
    (route,) = load(file, env={"TENTH": "0.1"}, engines=Catalogue()).routes
    return route.price


def test_dollars_are_exact_and_tiers_in_order(tmp_path: Path) -> None:
    price = loaded(
        tmp_path,
        "{prompt: 0.1, completion: 15.00, cached: 0, request: 0.005, tiers: [{above: 9, prompt: 0.3},"
        ' {above: 5, prompt: "${TENTH}", cached: 1e-9}]}',
    )
    assert price.rates == Rates(prompt=NANO // 10, completion=15 * NANO, cached=0)
    assert price.tiers == (
        Tier(above=5, rates=Rates(prompt=NANO // 10, cached=1)), Tier(above=9, rates=Rates(prompt=3 * NANO // 10)),
    )  # fmt: skip
    assert price.request == 5_000_000
    assert price.version.startswith("configuration ")
    again = loaded(tmp_path, "{prompt: 0.1}")
    assert again.version == loaded(tmp_path, "{prompt: 0.10}").version != price.version


def test_no_price_and_a_price_of_nothing_are_two_things(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") is None
    assert loaded(tmp_path, "{}").free


def test_hours_of_the_day(tmp_path: Path) -> None:
    price = loaded(
        tmp_path,
        "{prompt: 2, request: 0.1, hours: [{start: 16h30m, end: 30m, prompt: 1, tiers: [{above: 5, prompt: 3}]}]}",
    )
    (hours,) = price.hours
    assert hours == Hours(
        start=59_400,
        end=1_800,
        rates=Rates(prompt=NANO),
        tiers=(Tier(above=5, rates=Rates(prompt=3 * NANO)),),
        request=NANO // 10,
    )
    assert loaded(tmp_path, "{prompt: 2, hours: [{start: 20h, end: 24h, prompt: 1}]}").hours[0].end == 0
    assert price.version != loaded(tmp_path, "{prompt: 2, request: 0.1}").version
