from __future__ import annotations

from typing import Any

import msgspec
import pytest

from glowplug.cli.ps import cells, state_color
from glowplug.domain.instance import InstanceView, State
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import FakeServer
from tests.cli.script import Script

NOW = 1_000_000.0


def row(state: State, **more: Any) -> list[str]:
    """The cells for a view as the admin API sends it."""
    view = InstanceView(model="m", engine="llamacpp", state=state, **more)
    return cells(msgspec.json.decode(msgspec.json.encode(view)), NOW)


@pytest.mark.parametrize(
    ("got", "state", "memory", "until"),
    [
        (row(State.READY, keep_alive=300.0, idle_until=NOW + 60, memory=1 << 30), "ready", "1 GiB", "in 1m"),
        (row(State.READY, keep_alive=None), "ready", "", "for ever"),
        (row(State.BUSY, keep_alive=300.0, leases=1), "busy", "", "in use"),
        (row(State.LOADING, loading=0.25), "loading 25%", "", ""),
        (row(State.QUEUED, queue_position=2), "queued #2", "", ""),
        (row(State.STOPPED, keep_alive=None), "stopped", "", ""),
    ],
)
def test_a_view_of_the_domain_becomes_a_row(got: list[str], state: str, memory: str, until: str) -> None:
    assert (got[2], got[3], got[7]) == (state, memory, until)


def test_a_claim_names_its_devices() -> None:
    assert row(State.READY, claim={"gpu0": 1 << 30, "host": 1 << 20})[4] == "gpu0 1 GiB, host 1 MiB"


def test_what_a_model_waits_for_is_told_below(glowplug: Glowplug, server: FakeServer) -> None:
    server.instances[1] |= {"state": "queued", "queue_position": 1, "why": "chat-a-llamacpp is in use"}
    said = glowplug("ps")
    assert "queued #1" in said.out
    assert "chat-b-llamacpp: chat-a-llamacpp is in use" in said.err


def test_devices_are_shown_when_nothing_is_loaded_and_not_where_nobody_keeps_books(
    glowplug: Glowplug, server: FakeServer
) -> None:
    assert glowplug("ps", "--json").document["devices"] == server.devices
    server.instances = []
    said = glowplug("ps")
    assert said.out.startswith("DEVICE") and "no local model is configured" in said.err
    server.keeps_books = False
    assert glowplug("ps").out == ""
    assert "devices" not in glowplug("ps", "--json").document


def test_every_state_has_a_colour() -> None:
    assert [state_color(state) for state in ("ready", "loading 25%", "failed", "stopped")] == [
        "green", "yellow", "red", "dim",
    ]  # fmt: skip


def test_script(script: Script) -> None:
    script.play("ps")


def test_a_failed_engine_says_why_below_the_table(glowplug: Glowplug, server: FakeServer) -> None:
    server.instances[2] |= {"state": "failed", "failure": {"kind": "crash", "message": "it crashed"}}
    said = glowplug("ps")
    assert "chat-c-llamacpp: it crashed; see: glowplug logs chat-c-llamacpp" in said.err


def test_a_refused_configuration_is_told(glowplug: Glowplug, server: FakeServer) -> None:
    server.stale = "config.yaml has 1 problem"
    assert "serving an older configuration: config.yaml has 1 problem" in glowplug("ps").err
    server.instances = []
    assert "serving an older configuration" in glowplug("ps").err
