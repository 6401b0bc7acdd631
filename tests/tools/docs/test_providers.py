"""The page of providers has every row."""

from __future__ import annotations

import re
from pathlib import Path

from tools.docs.providers import PAGE, pages

from glowplug.providers.catalogue import PROVIDERS
from glowplug.wire.quirks import QUIRKS

ROOT = Path(__file__).parents[3]


def test_the_page_in_the_repository_is_this_one() -> None:
    assert (ROOT / PAGE).read_text() == pages(ROOT)[PAGE], "run: make docs"


def test_every_provider_and_every_quirk_is_a_row() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|", pages(ROOT)[PAGE], flags=re.MULTILINE)
    assert rows == [*PROVIDERS, *QUIRKS]
