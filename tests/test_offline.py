"""What is done while nobody runs (see also tests/cli/test_backup.py, test_restore.py and tests/moving/test_run.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.claim import claim
from glowplug.errors import Conflict, StoreError
from glowplug.offline import first_key, look, offline, store_secrets
from glowplug.paths import Paths, state_paths
from glowplug.secret import Secret


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return state_paths(tmp_path / "state")


def test_secrets_are_stored_while_nobody_runs(paths: Paths) -> None:
    assert store_secrets(paths.state, {"a": Secret("1"), "b": Secret("2")}) == {"a": "added", "b": "added"}
    assert store_secrets(paths.state, {"a": Secret("1"), "b": Secret("x")}) == {"a": "same", "b": "conflict"}
    with claim(paths), pytest.raises(Conflict, match="is running"):
        store_secrets(paths.state, {"c": Secret("3")})


def test_an_installation_is_looked_at_and_nothing_is_made(paths: Paths) -> None:
    with look(paths.state) as here:
        assert here is None
    assert not paths.state.exists()
    with offline(paths.state) as store:
        pepper = store.pepper
        # Somebody has it, and it can be looked at.
        with look(paths.state) as here:
            assert here is not None
            assert here.pepper == pepper


def test_the_database_is_the_one_of_the_configuration_that_is_written_to(paths: Paths, tmp_path: Path) -> None:
    config = tmp_path / "ours.yaml"
    config.write_text("server: {database: 'postgresql://nobody@127.0.0.1:9/none'}\n")
    with pytest.raises(StoreError, match="none on"), offline(paths.state, config):
        pass


def test_the_first_key_is_shown_once_and_not_while_somebody_runs(paths: Paths) -> None:
    with claim(paths), pytest.raises(Conflict, match="is running"):
        first_key(paths.state, None, "http://127.0.0.1:4000")
    lines = first_key(paths.state, None, "http://127.0.0.1:4000")
    assert any("This is your admin key" in line for line in lines)
    assert first_key(paths.state, None, "http://127.0.0.1:4000") == []
