from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import system


def test_the_list_names_packages_programs_and_reasons() -> None:
    text = "# a remark\n\nprocps  ps  looks at processes\nnginx-light nginx the peer  # more\n"
    assert system.packages(text) == {"ps": "procps", "nginx": "nginx-light"}


def test_a_line_without_a_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2"):
        system.packages("procps ps reason\nnginx-light nginx\n")


def test_our_own_list_can_be_read() -> None:
    assert isinstance(system.packages(system.LIST.read_text()), dict)


def test_missing_names_each_package_once() -> None:
    assert system.missing({"sh": "dash", "no-such-a": "some", "no-such-b": "some"}) == ["some"]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that writes down how it was called, and a list that needs it; returns what it wrote."""
    calls = tmp_path / "calls"
    program = tmp_path / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n[ "$1" != install ] || [ ! -e {tmp_path}/broken ]\n')
    program.chmod(0o755)
    listing = tmp_path / "system.txt"
    listing.write_text("some-package no-such-program because\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(system, "LIST", listing)
    monkeypatch.setattr(system, "_SEARCH", str(tmp_path))
    return calls


def test_root_installs_what_is_missing(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert system.main(["install"]) == 0
    assert apt.read_text().splitlines() == ["update -qq", "install -y --no-install-recommends some-package"]
    assert "installing the system packages that some tests use: some-package" in capsys.readouterr().out


def test_a_failed_installation_is_said_and_not_fatal(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (apt.parent / "broken").touch()
    assert system.main(["install"]) == 0
    assert "could not install some-package; the tests that need them will be skipped" in capsys.readouterr().err


def test_others_are_told_the_line(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system.main(["install"]) == 0
    assert not apt.exists()
    assert "sudo apt-get install -y --no-install-recommends some-package" in capsys.readouterr().err


def test_nothing_missing_is_not_mentioned(
    apt: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    system.LIST.write_text("apt apt-get because\n")
    assert system.main(["install"]) == 0
    assert not apt.exists()
    assert capsys.readouterr() == ("", "")


def test_an_unknown_word_is_wrong_usage() -> None:
    assert system.main(["remove"]) == 2
