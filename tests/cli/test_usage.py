from __future__ import annotations

import click
import pytest

from glowplug.cli.usage import first_day, money, parse_groups
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script

NOON = 1_769_860_800.0  # 2026-01-31 12:00 UTC


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("all", ""),
        ("7d", "2026-01-24"),
        ("13h", "2026-01-30"),
        ("2026-01-02", "2026-01-02"),
        ("-1", ""),
        ("90d", "2025-11-02"),
    ],
)
def test_the_first_day(text: str, day: str) -> None:
    assert first_day(text, NOON) == day


def test_groups_have_one_order_and_no_doubles() -> None:
    assert parse_groups("key, day,key") == ["day", "key"]
    for wrong in ("", "day,hour"):
        with pytest.raises(click.BadParameter):
            parse_groups(wrong)


def test_script(script: Script) -> None:
    script.play("usage")


def test_usage_by_key_shows_names(glowplug: Glowplug, server: FakeServer) -> None:
    server.usage = [{"key": "key_1", "attempts": 1}, {"key": "key_9", "attempts": 2}]
    out = glowplug("usage", "--by", "key").out
    assert "laptop" in out
    assert "key_9" in out


def test_a_cost_says_when_a_part_of_it_is_not_known() -> None:
    some, unknown = {"cost": 1_500_000_000, "unpriced": 0}, {"cost": 0, "unpriced": 2}
    assert [money([some]), money([some, unknown]), money([unknown]), money([])] == ["$1.50", "$1.50+", "?", "$0.00"]


def test_energy_is_a_column_where_devices_reported_some(glowplug: Glowplug, server: FakeServer) -> None:
    server.usage = [{"model": "here", "energy_mj": 100_000}, {"model": "cloud", "energy_mj": None}]
    lines = [line.split() for line in glowplug("usage").out.splitlines()]
    assert [line[-1] for line in lines[:2]] == ["ENERGY", "mWh"]
    assert (lines[1][-2], lines[-1][-2:]) == ("27.8", ["27.8", "mWh"])
    assert lines[2][-2:] == ["$0.00", "-"], "unknown is not nothing"
    server.usage = [{"model": "cloud", "energy_mj": None}]
    assert "ENERGY" not in glowplug("usage").out


def test_usage_of_one(glowplug: Glowplug, server: FakeServer) -> None:
    glowplug("usage", "--since", "all", "--for-key", "k", "--team", "web")
    assert [path for _, path, _ in server.seen if "usage" in path] == ["/admin/usage?by=model&key=k&team=web"]
