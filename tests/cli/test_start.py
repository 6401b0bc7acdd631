from __future__ import annotations

import io
from threading import Event

import click
import pytest

from glowplug.cli.client import Address, Client
from glowplug.cli.output import Output
from glowplug.cli.start import _Watch, duration
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer, Running
from tests.cli.script import Script


class Terminal(io.StringIO):
    """Remembers what was shown and says when something was."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = Event()

    def write(self, text: str) -> int:
        if "%" in text:
            self.shown.set()
        return super().write(text)


def watched(running: Running, *, lively: bool, seconds: float) -> Terminal:
    stderr = Terminal()
    output = Output(as_json=False, stdout=io.StringIO(), stderr=stderr, lively=lively)
    with _Watch(Client(Address(running.url, ADMIN)), output, "chat-b-llamacpp", enabled=True):
        stderr.shown.wait(seconds)
    return stderr


def test_a_start_shows_on_a_terminal_how_far_it_is(running: Running) -> None:
    said = watched(running, lively=True, seconds=20).getvalue()
    assert "chat-b-llamacpp: loading 40%" in said
    assert said.endswith("\r\x1b[K")


def test_elsewhere_it_asks_nothing_and_says_nothing(running: Running) -> None:
    assert watched(running, lively=False, seconds=0).getvalue() == ""
    assert running.fake.seen == []


def test_durations() -> None:
    assert duration("1m30s", "--timeout") == 90.0
    with pytest.raises(click.BadParameter, match="not a duration"):
        duration("soon", "--timeout")


def test_script(script: Script) -> None:
    script.play("start")


def test_a_start_that_takes_too_long_is_not_done(glowplug: Glowplug, server: FakeServer) -> None:
    server.instances[1]["model"] = "chat-slow"
    server._start = lambda name, query: server.instances[1]  # type: ignore[method-assign]
    said = glowplug("start", "chat-slow", "--timeout", "1s")
    assert (said.code, said.out) == (1, "chat-slow is loading\n")
    assert "still on its way after 1s" in said.err
