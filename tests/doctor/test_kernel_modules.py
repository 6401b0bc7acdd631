"""What a module of the kernel says, loaded and on the disk."""

from __future__ import annotations

from pathlib import Path

from glowplug.doctor.kernel_modules import loaded, on_disk, said_of
from tests.doctor.museum import Machine


def test_both_are_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    site = machine.site
    assert (loaded(site, "nvidia"), said_of(site, "nvidia", "version"), on_disk(site, "nvidia", "version")) == (
        False, "", "",
    )  # fmt: skip
    machine.write("/sys/module/nvidia/version", "550.1\n")
    machine.programs.says("modinfo", {"-F version nvidia": "550.2\n"})
    assert (loaded(site, "nvidia"), said_of(site, "nvidia", "version"), on_disk(site, "nvidia", "version")) == (
        True, "550.1", "550.2",
    )  # fmt: skip
    assert on_disk(site, "nvidia", "srcversion") == "", "it fails"
