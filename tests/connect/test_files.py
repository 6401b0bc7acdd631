from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.connect.base import Edit, Form
from glowplug.connect.files import change, restore, write, written
from glowplug.errors import Conflict, StoreError


def edit(path: Path, value: int = 1, *, secret: bool = False) -> Edit:
    return Edit(path, Form.JSON, {"ours": value}, secret=secret)


def test_the_first_backup_stays_and_the_last_write_counts(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"theirs": 1}')
    for value in (1, 2):
        write(change(edit(path, value)))
    assert (tmp_path / "s.json.glowplug-backup").read_text() == '{"theirs": 1}'
    assert restore(path) and path.read_text() == '{"theirs": 1}'


@pytest.mark.parametrize("between", [False, True], ids=["after", "between"])
def test_what_somebody_else_changed_is_not_lost_unasked(between: bool, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{}")
    write(change(edit(path)))
    path.write_text('{"ours": 1, "new": 2}')
    if between:
        write(change(edit(path, 3)))
    with pytest.raises(Conflict, match="somebody else") as caught:
        restore(path)
    assert "--force" in caught.value.hint and "new" in path.read_text()
    assert restore(path, force=True) and path.read_text() == "{}"


def test_a_link_into_a_repository_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "s.json"
    real.parent.mkdir()
    real.write_text("{}")
    link = tmp_path / "s.json"
    link.symlink_to(real)
    write(change(edit(link)))
    assert link.is_symlink() and '"ours": 1' in real.read_text() and written(link)
    assert restore(link) and real.read_text() == "{}"


def test_a_file_that_others_read_is_closed_when_the_key_is_in_it_already(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"ours": 1}')
    path.chmod(0o644)
    assert not change(edit(path)).needed
    one = change(edit(path, secret=True))
    assert one.needed and one.loose
    write(one)
    assert path.stat().st_mode & 0o777 == 0o600
    assert restore(path) and path.stat().st_mode & 0o777 == 0o644


def test_nothing_is_written_where_nothing_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"ours": 1}')
    write(change(edit(path)))
    assert not written(path) and [one.name for one in tmp_path.iterdir()] == ["s.json"]


def test_a_write_that_broke_off_is_undone_as_well(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{}")
    write(change(edit(path)))
    path.write_text("{}")  # the record is there, the file is as it was
    assert restore(path) and path.read_text() == "{}"


def test_what_is_no_settings_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match=r"cannot be read|no settings file"):
        change(edit(tmp_path))
    path = tmp_path / "s.json"
    path.write_bytes(b"\xff")
    with pytest.raises(Conflict, match="UTF-8"):
        change(edit(path))
    path.with_name("s.json.glowplug-undo.json").write_text("x")
    with pytest.raises(StoreError, match="damaged"):
        restore(path)


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Conflict):
        change(edit(tmp_path / "file" / "s.json"))
