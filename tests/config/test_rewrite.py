"""Writing an edited file: what does not load is not written, a copy of the old one stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.config.rewrite import read_text, rewrite, swap
from glowplug.errors import ConfigError, Conflict

NOW = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC


def fine(_: bytes) -> None:
    """Everything loads."""


def test_the_old_text_is_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# mine\n")
    path.chmod(0o640)
    copy = rewrite(path, "# mine\n", "# ours\n", "import", NOW, fine)
    assert copy == tmp_path / "config.yaml.before-import-20260921T141320Z"
    assert (path.read_text(), copy.read_text()) == ("# ours\n", "# mine\n")
    assert {path.stat().st_mode & 0o777, copy.stat().st_mode & 0o777} == {0o640}
    second = rewrite(path, "# ours\n", "# 3\n", "import", NOW, fine)
    assert second is not None
    assert second.name == "config.yaml.before-import-20260921T141320Z-2"
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, copy.name, second.name]


def test_a_new_file_is_private_and_its_directory_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "config.yaml"
    assert read_text(path, longest=10) == ""
    assert rewrite(path, "", "x: 1\n", "import", NOW, fine) is None
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_text(path, longest=10) == "x: 1\n"


def test_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_text("a\n")
    link.symlink_to(real)
    rewrite(link, "a\n", "b\n", "import", NOW, fine)
    assert link.is_symlink()
    assert real.read_text() == "b\n"


def test_what_does_not_load_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a\n")

    def bad(data: bytes) -> None:
        assert data == b"b\n"
        raise ConfigError("bad")

    with pytest.raises(ConfigError, match="bad"):
        rewrite(path, "a\n", "b\n", "import", NOW, bad)
    with pytest.raises(Conflict, match="changed in the meantime"):
        rewrite(path, "other\n", "b\n", "import", NOW, fine)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]
    assert path.read_text() == "a\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a\n")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigError, match="cannot be written"):
            rewrite(path, "a\n", "b\n", "import", NOW, fine)
    finally:
        tmp_path.chmod(0o700)
    assert path.read_text() == "a\n"


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xff\xfe\0")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_text(path, longest=10)
    with pytest.raises(ConfigError, match="longer than 2 bytes"):
        read_text(path, longest=2)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_text(tmp_path, longest=2)


def test_a_swap_keeps_mode_and_link_and_can_be_swapped_back(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_bytes(b"a\n")
    real.chmod(0o640)
    link.symlink_to(real)
    swap(link, b"a\n", b"b\n")
    assert (link.is_symlink(), real.read_bytes(), real.stat().st_mode & 0o777) == (True, b"b\n", 0o640)
    with pytest.raises(Conflict, match="changed in the meantime"):
        swap(link, b"a\n", b"c\n")
    new = tmp_path / "new"
    swap(new, None, b"x")
    assert (new.read_bytes(), new.stat().st_mode & 0o777) == (b"x", 0o600)
    swap(new, b"x", None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "real.yaml"]


def test_a_swap_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a\n")

    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left"):
        swap(path, b"a\n", b"b\n")
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"a\n"]
