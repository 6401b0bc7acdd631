"""What is done while nobody runs (see also tests/cli/test_backup.py, test_restore.py and tests/moving/test_run.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.claim import claim
from glowplug.errors import Conflict
from glowplug.offline import store_secrets
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
