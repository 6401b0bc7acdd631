"""Crontabs of the system, of this user, of others; rc.local."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from glowplug.doctor.checks.machine_boot_cron import BootCron
from glowplug.doctor.examine import look
from glowplug.doctor.site import Ran
from tests.doctor.museum import Exhibit, Machine

LINES = "@daily /bin/true\n@reboot /usr/bin/ollama run qwen3:8b\n@reboot /bin/true\n@reboot vllm serve a/b"


def own(machine: Machine, text: str | None) -> list[str | None]:
    """The program crontab, with this user's lines; None: there are none."""
    kept = [text]

    def run(argv: Sequence[str]) -> Ran:
        if argv[1] != "-l":
            kept[0] = Path(argv[1]).read_text()
        elif kept[0] is None:
            return Ran(code=1, out="", err="no crontab for ann\n")
        return Ran(code=0, out=kept[0] or "")

    machine.programs.known["crontab"] = run
    machine.more.append(lambda: {"crontab": (0, repr(kept).encode())})
    return kept


def of_the_system(machine: Machine) -> None:
    lines = b"# \xff\n@daily /bin/true\n@reboot ann /usr/bin/ollama run qwen3:8b\n@reboot ann /bin/true\n"
    machine.write("/etc/cron.d/models", lines, 0o644)


def local(machine: Machine) -> None:
    machine.write("/etc/rc.local", "#!/bin/sh\n# vllm serve x\nllama-server -m /m/a.gguf &\nexit 0\n", 0o755)


EXHIBITS = [
    Exhibit("a crontab of the system", "machine-boot-cron", of_the_system, ("/etc/cron.d/models:3",)),
    Exhibit("two lines of this user's", "machine-boot-cron", lambda m: own(m, LINES) and None,
            ("your crontab:2", "your crontab:4")),
    Exhibit("rc.local", "machine-boot-cron", local, ("/etc/rc.local:3",)),
]  # fmt: skip


def test_the_other_lines_stay_as_they_are(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    of_the_system(machine)
    kept = own(machine, LINES)
    _, remedy = look(BootCron(), machine.site)
    assert remedy is not None
    for action in remedy.actions:
        assert action.diff()
        action.do(machine.hands)
    lines = machine.path("/etc/cron.d/models").read_bytes().splitlines()
    assert lines[0] == b"# \xff" and lines[2].startswith(b"# @reboot") and lines[3].startswith(b"@reboot")
    assert kept == [LINES.replace("@reboot /usr", "# @reboot /usr").replace("@reboot vllm", "# @reboot vllm")]


def test_who_has_none_has_none(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert look(BootCron(), machine.site)[0].skipped == "there are no crontabs"
    own(machine, None)
    assert look(BootCron(), machine.site)[0].skipped == "there are no crontabs"
    machine.programs.known["crontab"] = lambda argv: Ran(code=1, out="", err="you (ann) are not allowed to use it\n")
    assert "not allowed" in look(BootCron(), machine.site)[0].could_not
    of_the_system(machine)
    assert len(look(BootCron(), machine.site)[0].findings) == 1, "what was found elsewhere is told all the same"


def test_what_would_not_come_back_as_it_was_is_not_touched(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    own(machine, "# \ufffd\n@reboot vllm serve a/b\n")
    looked, remedy = look(BootCron(), machine.site)
    assert remedy is None and looked.findings[0].advice


@pytest.mark.parametrize("text", [LINES, ""])
def test_root_sees_its_own_once(tmp_path: Path, text: str) -> None:
    machine = Machine(tmp_path)
    own(machine, text)
    machine.write("/var/spool/cron/crontabs/ann", text)
    assert len(look(BootCron(), machine.site)[0].findings) == (2 if text else 0)
