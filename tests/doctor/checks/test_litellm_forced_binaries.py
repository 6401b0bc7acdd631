"""Engines of Prisma's that variables force on LiteLLM."""

from __future__ import annotations

from glowplug.doctor.checks.litellm_forced_binaries import ForcedBinaries
from glowplug.doctor.examine import look, repair
from glowplug.doctor.repair import Repairs
from glowplug.doctor.undo import UndoRecords
from glowplug.domain.finding import Severity
from tests.doctor.museum import HOME, Exhibit, Machine

CHECK = "litellm-forced-binaries"
ENGINE = "/opt/prisma/query-engine"
HARMLESS = "# PRISMA_QUERY_ENGINE_BINARY=/gone\nPRISMA_OFFLINE_MODE=true\nDATABASE_POOL=5\n"
MASTER = (
    "LITELLM_MASTER_KEY=sk-Qm3vB8xT1zK6wP9rL4nH\nLITELLM_SALT_KEY=sk-Zd7yC2uE5aJ0sG8tF1kV\nUI_PASSWORD=wq9-Lm3x-Tz0p"
)


def healthy(machine: Machine) -> None:
    machine.configure_litellm("model_list: []\n", f"{HARMLESS}{MASTER}\n")
    machine.write(f"{HOME}/.bashrc", "alias ll='ls -l'\nexport EDITOR=vi\n", 0o644)
    machine.write(ENGINE, b"\x7fELF", 0o755)


def add(machine: Machine, path: str, *lines: str) -> None:
    file = machine.path(path)
    file.write_text(file.read_text() + "".join(f"{line}\n" for line in lines))


def several(machine: Machine) -> None:
    engines = ("PRISMA_CLI_QUERY_ENGINE_TYPE=binary", "A=1", f"PRISMA_QUERY_ENGINE_LIBRARY={ENGINE}")
    add(machine, f"{HOME}/litellm/.env", *engines)
    add(machine, f"{HOME}/.bashrc", "  export PRISMA_CLIENT_ENGINE_TYPE=library")


EXHIBITS = [
    Exhibit("a binary beside the configuration", CHECK,
            lambda m: add(m, f"{HOME}/litellm/.env", f"PRISMA_QUERY_ENGINE_BINARY={ENGINE}"),
            ("PRISMA_QUERY_ENGINE_BINARY in ",), healthy=healthy),
    Exhibit("one that is gone, in the shell's file", CHECK,
            lambda m: add(m, f"{HOME}/.bashrc", "export PRISMA_SCHEMA_ENGINE_BINARY='/nix/store/gone'", "umask 077"),
            (".bashrc",), Severity.ERROR, healthy=healthy),
    Exhibit("several in two files", CHECK,
            several,
            ("PRISMA_CLI_QUERY_ENGINE_TYPE", "PRISMA_QUERY_ENGINE_LIBRARY", "PRISMA_CLIENT_ENGINE_TYPE"),
            healthy=healthy),
    Exhibit("in LiteLLM's folder, without an installation that was named", CHECK,
            lambda m: m.write(f"{HOME}/.config/litellm/env", "PRISMA_FMT_BINARY=/gone\r\nA=1\r\n") and None,
            ("PRISMA_FMT_BINARY",), Severity.ERROR),
]  # fmt: skip


def test_only_the_lines_are_commented_out_and_no_secret_is_shown(bare: Machine) -> None:
    healthy(bare)
    add(bare, f"{HOME}/litellm/.env", f"PRISMA_QUERY_ENGINE_BINARY={ENGINE}", "LAST=1")
    looked, _ = look(ForcedBinaries(), bare.site)
    assert "sk-" not in repr(looked)
    repair([ForcedBinaries()], bare.site, Repairs(bare.hands, UndoRecords(bare.path("/undo"))), ())
    text = bare.path(f"{HOME}/litellm/.env").read_text()
    assert text == f"{HARMLESS}{MASTER}\n# PRISMA_QUERY_ENGINE_BINARY={ENGINE}\nLAST=1\n"


def test_a_link_is_left_to_who_makes_it(bare: Machine) -> None:
    healthy(bare)
    bare.write("/nix/store/profile", "export PRISMA_FMT_BINARY=/nix/store/fmt\n")
    bare.path(f"{HOME}/.profile").symlink_to(bare.path("/nix/store/profile"))
    looked, remedy = look(ForcedBinaries(), bare.site)
    assert remedy is None
    assert "link" in looked.findings[0].advice


def test_without_files_there_is_nothing_to_look_at(bare: Machine) -> None:
    bare.write(f"{HOME}/.bashrc", "export PRISMA_FMT_BINARY=/gone\n")
    assert look(ForcedBinaries(), bare.site)[0].skipped, "somebody else's Prisma is nobody's business"
