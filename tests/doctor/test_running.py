"""Asking the running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.doctor.base import CouldNotLook, NothingToLookAt
from glowplug.doctor.running import ask, ask_text, runs
from tests.doctor.checks.test_models_unreachable import closed_port
from tests.doctor.museum import STATE, Machine
from tests.doctor.server import serve

ENDPOINT = f"{STATE}/run/endpoint.json"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def test_a_server_is_asked_with_the_key_of_this_machine(machine: Machine) -> None:
    serve(machine, {"/admin/status": {"version": "1"}})
    assert runs(machine.site)
    assert ask(machine.site, "/admin/status") == {"version": "1"}
    assert ask_text(machine.site, "/admin/status") == '{"version": "1"}'
    machine.write(f"{STATE}/cli.key", "another")
    with pytest.raises(CouldNotLook, match="401"):
        ask(machine.site, "/admin/status")
    machine.path(f"{STATE}/cli.key").unlink()
    with pytest.raises(CouldNotLook, match=r"cli\.key"):
        ask(machine.site, "/admin/status")


def test_where_none_runs_there_is_nothing_to_ask(machine: Machine) -> None:
    assert not runs(machine.site)
    with pytest.raises(NothingToLookAt):
        ask(machine.site, "/admin/status")
    machine.write(f"{STATE}/cli.key", "k")
    machine.write(ENDPOINT, json.dumps({"base_url": f"http://127.0.0.1:{closed_port()}"}))
    with pytest.raises(NothingToLookAt):
        ask(machine.site, "/admin/status")


def test_what_makes_no_sense_is_not_believed(machine: Machine) -> None:
    serve(machine, {"/list": [], "/text": b"no JSON"})
    for path in ("/list", "/text", "/gone"):
        with pytest.raises(CouldNotLook):
            ask(machine.site, path)
    machine.write(ENDPOINT, "{")
    with pytest.raises(CouldNotLook):
        ask(machine.site, "/list")
