"""The same weights more than once."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from glowplug.doctor.checks.models_duplicates import LEAST, Duplicates
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from tests.doctor.museum import HOME, Exhibit, Machine

STUDIO = f"{HOME}/.lmstudio/models/a/b/b.gguf"
HUB = f"{HOME}/.cache/huggingface/hub/models--a--b/blobs"
BLOBS = f"{HOME}/.ollama/models/blobs"


def file(machine: Machine, path: str, end: bytes = b"") -> None:
    """A file that is a hole with something at its end."""
    machine.write(path, b"")
    with machine.path(path).open("r+b") as out:
        out.truncate(LEAST)
        out.seek(LEAST - len(end))
        out.write(end)


def digest() -> str:
    return sha256(bytes(LEAST)).hexdigest()


def twice(machine: Machine) -> None:
    file(machine, STUDIO)
    file(machine, f"{BLOBS}/sha256-{digest()}")


def differing(machine: Machine) -> None:
    file(machine, STUDIO, b"x")
    file(machine, f"{HOME}/models/c.gguf")


EXHIBITS = [
    Exhibit("Ollama and LM Studio have the same", "models-duplicates", twice, (STUDIO,), Severity.NOTE, repaired=False,
            healthy=differing),
]  # fmt: skip


def test_what_is_called_by_its_hash_is_not_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    name = "ab" * 32
    file(machine, f"{HUB}/{name}", b"x")
    file(machine, f"{BLOBS}/sha256-{name}", b"y")
    (finding,) = look(Duplicates(), machine.site)[0].findings
    assert finding.evidence == (f"{BLOBS}/sha256-{name}",)
    assert "16 MiB" in finding.consequence


def test_a_hard_link_is_one_file(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    file(machine, STUDIO)
    machine.path(f"{HOME}/models").mkdir(parents=True)
    os.link(machine.path(STUDIO), machine.path(f"{HOME}/models/c.gguf"))
    assert look(Duplicates(), machine.site)[0].findings == ()


def test_without_weights_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert look(Duplicates(), Machine(tmp_path).site)[0].skipped
