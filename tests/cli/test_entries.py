"""Settings of entries as words of the command line."""

from __future__ import annotations

from typing import Any

import click
import pytest

from glowplug.cli.entries import settings_of


@pytest.mark.parametrize(("pairs", "settings"), [
    ((), {"id": "x"}),
    (("rpm=60", "note=true story", "url=http://h/?a=b"), {"id": "x", "rpm": 60, "note": "true story", "url": "http://h/?a=b"}),
    (("options.ctx_size=4096", "options.flash=true"), {"id": "x", "options": {"ctx_size": 4096, "flash": True}}),
    (('tags=["a", "b"]', "keep_alive=null"), {"id": "x", "tags": ["a", "b"], "keep_alive": None}),
    (("empty=",), {"id": "x", "empty": ""}),
])  # fmt: skip
def test_what_they_say(pairs: tuple[str, ...], settings: dict[str, Any]) -> None:
    assert settings_of(pairs, id="x", provider=None, path="") == settings


@pytest.mark.parametrize(("pair", "why"), [
    ("rpm", "is not KEY=VALUE"), ("=5", "is not KEY=VALUE"), ("a..b=1", "is not KEY=VALUE"), ("id=y", "is given twice"),
    ("id.x=1", "id has a value already"),
])  # fmt: skip
def test_mistakes(pair: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        settings_of((pair,), id="x")
