from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest

from glowplug.cli.output import Output, text_width
from glowplug.cli.top_facts import Facts
from glowplug.cli.top_picture import View, bar, picture
from tests.cli.fake_server import view

NOW = 1_800_000_000.0
GIB = 1 << 30
DEVICE: dict[str, Any] = {
    "id": "gpu0", "total": 24 * GIB, "ours": {"chat-a": 12 * GIB}, "leases": {"lease_1": GIB}, "others": 2 * GIB,
    "reserve": GIB, "free": 8 * GIB, "problem": "",
}  # fmt: skip
FACTS = Facts(
    url="http://127.0.0.1:4000",
    now=NOW,
    status={"version": "1.2", "uptime": 3600.0, "workers": [{"connected": True}, {"connected": False}], "stale": ""},
    instances=(
        view("chat-a", "ready", memory=GIB, idle_until=None, since=NOW - 60),
        view("chat-b", "loading", loading=0.4, waiting=3, why="waits for gpu0"),
        view("chat-c", "stopped"),
    ),
    devices=(DEVICE, {"id": "host", "total": None, "free": None, "problem": "cannot be read"}),
    problems=("the driver of gpu1 is lost",),
    today=({"attempts": 12, "prompt_tokens": 1000, "completion_tokens": 234, "cost": 1_500_000_000, "unpriced": 0},),
    in_flight=2,
    waiting=3,
)
FINDINGS = [
    {"severity": "error", "check": "c1", "subject": "the disk", "summary": "is full\x1b[2J"},
    {"severity": "warning", "check": "c2", "subject": "a key", "summary": "can be read"},
]


def plain(lines: list[str]) -> str:
    return "\n".join(re.sub(r"\x1b\[\d+m", "", line) for line in lines)


def test_everything_is_there() -> None:
    text = plain(picture(FACTS, View(findings=FINDINGS), 120))
    assert "Glowplug 1.2" in text and "up 1h" in text and "workers 1/2" in text
    assert "in flight 2 · waiting 3 · today $1.50, 12 attempts · 1,234 tokens · 1 error, 1 warning" in text
    assert "gpu0" in text and "free 8 GiB of 24 GiB" in text and "models 12 GiB, leases 1 GiB" in text
    assert "free unknown  cannot be read" in text and "the driver of gpu1 is lost" in text
    assert re.search(r"chat-a .* ready .* kept", text) and "loading 40%" in text and "chat-b: waits for gpu0" in text
    assert "error    the disk is full[2J (c1)" in text and "\x1b" not in text
    assert "choose" not in text, "keys are of the live picture"


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("height", [3, 10, 24, 50])
@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_a_live_picture_fits_its_terminal_and_shows_what_is_chosen(width: int, height: int, color: bool) -> None:
    many = replace(FACTS, instances=tuple(view(f"chat-{number:02}", "stopped") for number in range(40)))
    for chosen in (0, 17, 39):
        lines = picture(many, View(chosen, "done", FINDINGS), width, height=height, color=color)
        assert len(lines) == height
        assert all(text_width(plain([line])) <= width for line in lines)
        assert plain(lines[-1:]).startswith("↑↓ choose")
        if height >= 24:
            assert any(line.startswith("> ") and f"chat-{chosen:02}" in plain([line]) for line in lines)


def test_a_narrow_terminal_has_fewer_columns() -> None:
    wide, narrow = (plain(picture(FACTS, View(), width)) for width in (140, 50))
    assert "SINCE" in wide and "ENGINE" in wide
    assert "SINCE" not in narrow and "ENGINE" not in narrow and "UNTIL" in narrow


def test_what_is_not_known_is_said() -> None:
    dark = replace(FACTS, devices=None, in_flight=None, waiting=None, today=(), instances=(), problems=())
    text = plain(picture(dark, View(looking=True), 100))
    assert "in flight" not in text and "no local model is configured" in text and "looking for faults" in text
    assert "faults unknown" in plain(picture(dark, View(), 100)) and "no faults" in plain(
        picture(dark, View(findings=[]), 100)
    )
    old = replace(FACTS, status=FACTS.status | {"stale": "line 3 is\nwrong"})
    assert "serving an older configuration: line 3 is wrong" in plain(picture(old, View(), 100))
    unpriced = replace(FACTS, today=({"attempts": 1, "cost": 0, "unpriced": 1},))
    assert "today without a price" in plain(picture(unpriced, View(), 100))
    many = [FINDINGS[0]] * 9
    assert "and 3 more: glowplug doctor" in plain(picture(FACTS, View(findings=many), 100))


def test_a_bar_is_never_longer_than_the_device() -> None:
    paint = Output(as_json=False, stdout=io.StringIO(), stderr=io.StringIO())
    assert bar([12, 0, 6, 6], 24, paint) == "█" * 16 + "▒" * 8 + "░" * 8
    assert bar([1, 0, 0, 0], 10_000, paint) == "█" + "·" * 31
    assert bar([30, 30, 0, 0], 24, paint) == "█" * 32
    assert bar([0, 0, 0, 0], None, paint) == "?" * 32
