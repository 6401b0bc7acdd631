"""Mistakes; that it imports is in tests/moving/test_run_command.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.cli.importing_database import address, key_in, said
from glowplug.errors import RequestError
from glowplug.moving.history import Progress
from tests.cli.conftest import Glowplug


def test_the_address_may_be_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIRS", "postgresql://u:p@h/d")
    assert address("env:THEIRS").reveal() == address("postgresql://u:p@h/d").reveal() == "postgresql://u:p@h/d"
    with pytest.raises(RequestError, match="NOT_SET is not set"):
        address("env:NOT_SET")


@pytest.mark.parametrize(("data", "says"), [(None, "No such file"), (b"", "is empty"), (b"\xff", "not text")])
def test_a_key_file_that_has_none(tmp_path: Path, data: bytes | None, says: str) -> None:
    if data is not None:
        (tmp_path / "key").write_bytes(data)
    with pytest.raises(RequestError, match=says):
        key_in(tmp_path / "key")


def test_how_far_it_is() -> None:
    assert said(Progress("reading")) == "reading"
    assert said(Progress("requests", 500, 1000, 250.0)) == "requests: 500 of about 1,000 (50 %), 250 a second"
    assert said(Progress("requests", 500, 0, 250.0)) == "requests: 500, 250 a second"


def test_without_anything_to_read_it_says_so(glowplug: Glowplug) -> None:
    said = glowplug("import", "litellm")
    assert said.code == 1
    assert "--config FILE, --database URL" in said.err


def test_an_unreachable_database_is_named_without_its_password(glowplug: Glowplug, tmp_path: Path) -> None:
    url = "postgresql://u:very-secret@127.0.0.1:1/d"
    said = glowplug("import", "litellm", "--database", url, "--state-dir", str(tmp_path / "state"))
    assert said.code == 1
    assert "127.0.0.1" in said.err
    assert "very-secret" not in said.err + said.out
