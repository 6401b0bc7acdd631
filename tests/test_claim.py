from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.claim import claim
from glowplug.errors import Conflict
from glowplug.paths import Paths, state_paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return state_paths(tmp_path / "state dir")


def test_a_state_directory_belongs_to_one(paths: Paths) -> None:
    with claim(paths) as lock:
        assert not os.get_inheritable(lock), "only the supervisor gets it"
        first = rf"is running on .*state dir already \(pid {os.getpid()}\).*--state-dir"
        with pytest.raises(Conflict, match=first), claim(paths):
            pass
        assert paths.lock.read_text() == f"{os.getpid()}\n", "the second has changed nothing"
    with claim(paths):
        pass
