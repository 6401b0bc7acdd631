from __future__ import annotations

import pytest

from glowplug.config.readers.litellm.ciphertext import Opened, Opener
from glowplug.testing.litellm_sealing import KEYS, LAYOUTS, LOST, Sealer, seal


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_written_with_the_keys_of_their_layout_in_turns(layout: str) -> None:
    sealer, ways = Sealer(layout), LAYOUTS[layout]
    for number in range(2 * len(ways)):
        row = sealer.row({"a": "text", "n": 5, "tags": ["x"]}, layers=2)
        key = KEYS.index(ways[number % len(ways)][0])
        assert Opener(KEYS).classify(str(row["a"])) == Opened("text", (key, key))
        assert (row["n"], row["tags"]) == (5, ["x"])


def test_the_same_number_gives_the_same_bytes() -> None:
    for encoding in ("url-safe", "standard", "gcm"):
        assert seal("x", LOST, encoding, 1) == seal("x", LOST, encoding, 1) != seal("x", LOST, encoding, 2)
