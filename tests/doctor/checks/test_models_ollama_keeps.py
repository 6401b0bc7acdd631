"""An Ollama that keeps what it has loaded."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.checks.models_ollama_keeps import OllamaKeeps
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import HOME, STATE, Exhibit, Machine

TABLE = "NAME  ID  SIZE  PROCESSOR  UNTIL\nqwen3:8b  50  6.5 GB  100% GPU  {}\n"
DROP_IN = "/etc/systemd/system/ollama.service.d/override.conf"
UNIT = '[Service]\n# OLLAMA_KEEP_ALIVE=-1\nEnvironment="OLLAMA_HOST=0.0.0.0" "OLLAMA_KEEP_ALIVE={}"\n'


def loaded(machine: Machine, until: str = "4 minutes from now") -> None:
    machine.programs.known["ollama"] = lambda argv: Ran(code=0, out=TABLE.format(until))


def told(machine: Machine, value: str = "-1", path: str = DROP_IN) -> None:
    machine.write(path, UNIT.format(value), 0o644)


EXHIBITS = [
    Exhibit("a drop-in says so", "models-ollama-keeps", told, (DROP_IN,), healthy=lambda m: told(m, "5m")),
    Exhibit("the user's environment says so", "models-ollama-keeps",
            lambda m: m.write(f"{HOME}/.config/environment.d/ollama.conf", "OLLAMA_KEEP_ALIVE=-1s\n"),
            ("ollama.conf",)),
    Exhibit("a model is kept", "models-ollama-keeps", lambda m: loaded(m, "Forever"), ("qwen3:8b",), repaired=False,
            healthy=loaded),
]  # fmt: skip


def test_only_the_time_is_changed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    told(machine)
    _, remedy = look(OllamaKeeps(), machine.site)
    assert remedy is not None
    for action in remedy.actions:
        action.do(machine.hands)
    assert machine.path(DROP_IN).read_text() == UNIT.format("30m")
    assert ("systemctl", "daemon-reload") in machine.programs.ran


def test_a_link_is_changed_where_it_is_made(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    told(machine, path="/opt/site/ollama.conf")
    machine.link(DROP_IN, str(machine.path("/opt/site/ollama.conf")))
    looked, remedy = look(OllamaKeeps(), machine.site)
    assert remedy is None and "link" in looked.findings[0].advice


@pytest.mark.parametrize(("served", "found"), [(True, 0), (False, 1)])
def test_what_our_own_server_keeps_it_unloads(tmp_path: Path, served: bool, found: int) -> None:
    machine = Machine(tmp_path)
    machine.models(model="  chat-qwen-ollama: {engine: ollama, id: 'qwen3:8b', max_concurrency: 1}\n")
    loaded(machine, "Forever")
    if served:
        machine.write(f"{STATE}/run/endpoint.json", "{}")
    assert len(look(OllamaKeeps(), machine.site)[0].findings) == found
