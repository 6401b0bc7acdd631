from __future__ import annotations

import logging

import pytest

from glowplug.control.chosen import choices, say_launcher
from glowplug.launchers.base import Choice
from glowplug.launchers.chooser import Launchers


class Two(Launchers):
    def __init__(self) -> None:
        """Describes itself, launches nothing."""

    def describe(self) -> tuple[Choice, ...]:
        return (
            Choice(name="systemd", usable=False, why="no bus", chosen=False),
            Choice(name="process", usable=True, why="always works", chosen=True),
        )


def test_it_says_what_is_used_and_why_nothing_better(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        say_launcher(Two())
    assert "with the launcher process (not systemd: no bus)" in caplog.text


def test_a_single_launcher_has_no_choice() -> None:
    assert choices(object()) == ()  # type: ignore[arg-type]
