"""A foreign document into a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.readers.foreign import Foreign
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.moving.place import Target
from glowplug.providers.catalogue import PROVIDERS

GROQ = Foreign("there", {"providers": {"groq": {}}, "models": {"m": {"provider": "groq", "id": "x"}}})


def test_placing_twice_writes_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("server: {port: 4100}  # mine\n")
    target = Target(path, Catalogue(), PROVIDERS, {})
    dry = target.place(GROQ, now=0.0, dry_run=True)
    assert dry.changed
    assert path.read_text() == "server: {port: 4100}  # mine\n"
    done = target.place(GROQ, now=0.0)
    assert done.copy is not None
    assert done.copy.name == "config.yaml.before-import-19700101T000000Z"
    assert path.read_text() == dry.merged.text
    again = target.place(GROQ, now=1.0)
    assert (again.changed, again.copy) == (False, None)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_would_not_load_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    bad = Foreign("there", {"models": {"m": {"provider": "nobody", "id": "x"}}})
    with pytest.raises(ConfigError, match="nobody"):
        Target(path, Catalogue(), PROVIDERS, {}).place(bad, now=0.0)
    assert not path.exists()
