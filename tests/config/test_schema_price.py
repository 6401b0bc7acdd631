"""What is refused as a price (what it becomes: test_prices.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.errors import ConfigError
from tests.config.test_prices import loaded


@pytest.mark.parametrize("text", ["-1", "lots", "0.0000000001", "true", ".inf", "[1]", "1e30"])
def test_what_is_no_price(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"{{prompt: {text}}}")
    (problem,) = caught.value.problems
    assert problem.path == "models.m.price.prompt"
    assert "dollars such as 3.00" in problem.message or "not a list" in problem.message


@pytest.mark.parametrize("text", ["{prompt: 1, tiers: [{prompt: 1}]}", "{input: 1}", "{tiers: [{above: 0}]}"])
def test_what_is_no_setting_of_a_price(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert all(problem.path.startswith("models.m.price.") for problem in caught.value.problems)
