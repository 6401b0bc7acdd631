from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from glowplug.errors import ConfigError
from glowplug.paths import Paths, default_config_path, state_paths


def test_xdg_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    assert state_paths().state == Path("/s/glowplug")
    assert state_paths().run == Path("/s/glowplug/run")
    assert default_config_path() == Path("/c/glowplug/config.yaml")


def test_without_xdg_the_usual_places_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/h")
    assert state_paths().state == Path("/h/.local/state/glowplug")
    assert default_config_path() == Path("/h/.config/glowplug/config.yaml")


def test_a_long_state_dir_gets_a_run_dir_that_fits_a_socket() -> None:
    long = Path("/s") / ("x" * 100)
    paths = state_paths(long)
    assert paths.state == long
    assert paths.run.parent == Path(tempfile.gettempdir())
    assert len(os.fsencode(paths.link_socket)) < 108
    assert paths.run == state_paths(long).run
    assert paths.run != state_paths(long / "y").run


def test_a_relative_state_dir_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_paths("here").state == tmp_path / "here"


def test_everything_but_the_run_files_is_below_state(state_dir: Path) -> None:
    paths = state_paths(state_dir)
    for path in (paths.database, paths.journal, paths.logs, paths.instances, paths.pepper, paths.cli_key):
        assert path.parent == state_dir
    for path in (paths.endpoint, paths.link_socket, paths.control_socket, paths.lock):
        assert path.parent == paths.run


def test_prepare_makes_private_directories_and_closes_open_ones(state_dir: Path) -> None:
    paths = state_paths(state_dir / "new")
    paths.prepare()
    paths.logs.chmod(0o755)
    paths.prepare()
    for directory in (paths.state, paths.run, paths.journal, paths.logs, paths.instances):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_directory_of_somebody_else_is_refused(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: state_dir.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to user id"):
        Paths(state_dir, state_dir / "run").prepare()


@pytest.mark.parametrize("place", ["/proc/nobody/has/this", "/dev/null/x"])
def test_a_directory_that_cannot_be_made_is_explained(place: str) -> None:
    with pytest.raises(ConfigError, match=f"{place} cannot be made.*another --state-dir"):
        state_paths(place).prepare()
