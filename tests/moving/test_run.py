"""An import from beginning to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.errors import Conflict
from glowplug.offline import offline


def test_the_installation_is_made_and_is_nobody_elses_meanwhile(tmp_path: Path) -> None:
    with offline(tmp_path / "state") as store:
        assert store.admin_key is not None
        assert len(store.pepper) == 32
        with pytest.raises(Conflict, match="running"), offline(tmp_path / "state"):
            pass
    with offline(tmp_path / "state") as store:
        assert store.admin_key is None
