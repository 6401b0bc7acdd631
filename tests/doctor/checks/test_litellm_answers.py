"""A LiteLLM that runs, and how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from glowplug.doctor.checks.litellm_answers import Answers
from glowplug.doctor.examine import look
from glowplug.doctor.site import Foreign
from glowplug.domain.finding import Severity
from tests.doctor.checks.test_models_unreachable import closed_port
from tests.doctor.museum import Exhibit, Machine
from tests.doctor.server import serve_litellm

WITH_DATABASE = "general_settings: {database_url: os.environ/DATABASE_URL}\n"


def running(
    machine: Machine, version: str | None = "1.84.1", db: str = "connected", keys: tuple[str, ...] = ("sk-admin",)
) -> None:
    machine.litellm_config(WITH_DATABASE)
    ready = {"status": "healthy", "db": db, "litellm_version": version}
    if version is None:
        del ready["litellm_version"]
    serve_litellm(
        machine, {"/health/readiness": ready, "/v1/models": {"data": []}, "/model/info": {"data": []}}, keys=keys
    )


def gone(machine: Machine) -> None:
    machine.site.litellm = replace(machine.site.litellm or Foreign(), url=f"http://127.0.0.1:{closed_port()}")


def exhibit(name: str, plant: object, severity: Severity = Severity.ERROR) -> Exhibit:
    return Exhibit(name, "litellm-answers", plant, ("LiteLLM at http",), severity, False, running)  # type: ignore[arg-type]


EXHIBITS = [
    exhibit("it does not answer", gone),
    exhibit("it asks nobody", lambda m: running(m, keys=("", "sk-admin"))),
    exhibit("it takes the key of the examples", lambda m: running(m, keys=("sk-admin", "sk-1234"))),
    exhibit("it has lost its database", lambda m: running(m, db="Not connected")),
    exhibit("it is a stolen release", lambda m: running(m, "1.82.8")),
    exhibit("it has known holes", lambda m: running(m, "1.83.6"), Severity.WARNING),
    exhibit("it does not take our key", lambda m: running(m, keys=()), Severity.NOTE),
]  # fmt: skip


@pytest.fixture
def machine(bare: Machine) -> Machine:
    return bare


def test_newer_ones_tell_their_version_to_admins(machine: Machine) -> None:
    running(machine, None)
    assert look(Answers(), machine.site)[0].findings == ()
    machine.litellm_answers["/health/readiness/details"] = {"litellm_version": "1.83.6"}
    (finding,) = look(Answers(), machine.site)[0].findings
    assert "1.83.6" in finding.summary and len(finding.evidence) == 2


def test_without_a_database_it_may_be_meant_to_be(machine: Machine) -> None:
    running(machine, db="Not connected")
    machine.configure_litellm("model_list: []\n")
    assert look(Answers(), machine.site)[0].findings == ()


def test_one_that_was_not_named(tmp_path: Path) -> None:
    assert look(Answers(), Machine(tmp_path).site)[0].skipped == "no running LiteLLM was named"
