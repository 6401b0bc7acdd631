from __future__ import annotations

import stat
from pathlib import Path

import pytest

from glowplug.errors import StoreError
from glowplug.files import keep_private, write_private


def test_a_file_is_whole_and_private(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"old")
    write_private(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_where_it_cannot_be_written_nothing_changes(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write_private(tmp_path / "nowhere" / "key", b"new")


def test_what_others_may_do_is_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k")
    file.chmod(0o644)
    keep_private(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
