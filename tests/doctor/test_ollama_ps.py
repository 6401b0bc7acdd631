"""What `ollama ps` prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.doctor.ollama_ps import Resident, resident
from glowplug.doctor.site import Ran
from tests.doctor.museum import Machine

NEW = """\
NAME        ID              SIZE      PROCESSOR          CONTEXT    UNTIL
qwen3:8b    500a1f067a9f    6.5 GB    48%/52% CPU/GPU    4096       4 minutes from now
a/b:q4      0123456789ab    1.2 GB    100% GPU           8192       Forever
"""
OLD = "NAME\tID\tSIZE\tPROCESSOR\tUNTIL\nqwen3:8b\t500a\t6.5 GB\t100% CPU\tForever\n"


@pytest.mark.parametrize(("out", "found"), [
    (NEW, (Resident("qwen3:8b", "6.5 GB", "48%/52% CPU/GPU", "4 minutes from now"),
           Resident("a/b:q4", "1.2 GB", "100% GPU", "Forever"))),
    (OLD, (Resident("qwen3:8b", "6.5 GB", "100% CPU", "Forever"),)),
    (NEW.splitlines()[0], ()), ("", None), ("what is\nthis\n", ()),
])  # fmt: skip
def test_every_release(tmp_path: Path, out: str, found: tuple[Resident, ...] | None) -> None:
    machine = Machine(tmp_path)
    machine.programs.known["ollama"] = lambda argv: Ran(code=0, out=out)
    assert resident(machine.site) == found


def test_where_it_is_not(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert resident(machine.site) is None
    machine.programs.known["ollama"] = lambda argv: Ran(code=1, out="", err="Error: could not connect to ollama app")
    assert resident(machine.site) is None
