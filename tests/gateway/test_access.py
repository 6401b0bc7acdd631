"""What a key may ask for."""

from __future__ import annotations

import pytest

from glowplug.gateway.access import may_use
from glowplug.gateway.tables import Key
from tests.gateway.rig import key


@pytest.mark.parametrize(("models", "name", "may"), [
    ((), "a", True), (("a",), "a", True), (("a",), "ab", False), (("a*",), "ab", True),
    (("openai/*",), "openai/x", True),
    (("openai/*",), "openai", False), (("b", "a*"), "a", True), (("*",), "anything", True),
])  # fmt: skip
def test_names_and_what_a_star_stands_for(models: tuple[str, ...], name: str, may: bool) -> None:
    assert may_use(Key(key("sk", "k", models=models)), name) is may
