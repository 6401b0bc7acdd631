"""`glowplug systemd`: what it says and asks; what it does is tested where that is (tests/systemd)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Glowplug

SYSTEMCTL = """\
#!/bin/sh
echo "$0 $*" >> "{log}"
case "$*" in
  *"show -P Version"*) {version};;
  *show*) echo ActiveState=active; echo UnitFileState=enabled;;
esac
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemctl and loginctl were told: programs that write it down are first in PATH."""
    return _programs(tmp_path, monkeypatch, "echo 252")


def _programs(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> Path:
    log = folder / "told"
    log.touch()
    (folder / "bin").mkdir()
    for name in ("systemctl", "loginctl"):
        program = folder / "bin" / name
        program.write_text(SYSTEMCTL.format(log=log, version=version))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:/usr/bin:/bin")
    return log


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / ".config" / "systemd" / "user"


def test_a_dry_run_shows_every_text_and_does_nothing(
    glowplug: Glowplug, told: Path, folder: Path, state_dir: Path
) -> None:
    said = glowplug("--state-dir", str(state_dir), "systemd", "install", "--dry-run", "--linger")
    assert said.code == 0 and not folder.exists()
    assert "glowplug.socket: would be written" in said.out and "ListenStream=127.0.0.1:" in said.out
    assert "loginctl enable-linger: would be run" in said.out
    assert told.read_text() == ""


def test_install_status_uninstall(glowplug: Glowplug, told: Path, folder: Path, state_dir: Path) -> None:
    state = ("--state-dir", str(state_dir))
    said = glowplug(*state, "systemd", "install", "--linger", "--keep", "3")
    assert said.code == 0, said.err
    assert "This is your admin key" in said.out and "/environment" in said.err
    assert "loginctl enable-linger" in told.read_text()
    assert "--keep 3" in (folder / "glowplug-backup.service").read_text()
    again = glowplug(*state, "systemd", "install", "--json").document
    assert again["written"] == [] and again["commands"]
    assert "--keep 3" in (folder / "glowplug-backup.service").read_text(), "a choice that was made holds"
    table = glowplug(*state, "systemd", "status")
    assert "same" in table.out and "enabled" in table.out and table.err == ""
    assert {row["file"] for row in glowplug(*state, "systemd", "status", "--json").document["data"]} == {"same"}
    (folder / "glowplug.socket").write_text("[Socket]\n")
    removed = glowplug(*state, "systemd", "uninstall")
    assert "glowplug.service: removed" in removed.out and "glowplug.socket: kept, it was edited by hand" in removed.out
    assert [file.name for file in folder.iterdir()] == ["glowplug.socket"]


def test_nothing_installed_is_said(glowplug: Glowplug, told: Path, state_dir: Path) -> None:
    state = ("--state-dir", str(state_dir))
    assert "nothing is installed" in glowplug(*state, "systemd", "status").err
    assert "nothing is installed" in glowplug(*state, "systemd", "uninstall").err


def test_another_installation_keeps_its_units(glowplug: Glowplug, told: Path, state_dir: Path, tmp_path: Path) -> None:
    assert glowplug("--state-dir", str(state_dir), "systemd", "install").code == 0
    said = glowplug("--state-dir", str(tmp_path / "s"), "systemd", "install")
    assert said.code == 1 and "another --name" in said.err


def test_refusals(
    glowplug: Glowplug, tmp_path: Path, state_dir: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _programs(tmp_path, monkeypatch, "exit 1")
    state = ("--state-dir", str(state_dir))
    said = glowplug(*state, "systemd", "install")
    assert said.code == 1 and "systemd does not answer" in said.err and not folder.exists()
    assert "leave --url out" in glowplug("--url", "http://127.0.0.1:1", "systemd", "install").err
    assert "no lingering" in glowplug(*state, "systemd", "install", "--system", "--linger").err
