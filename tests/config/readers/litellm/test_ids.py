"""The id is that of LiteLLM's own rule: ids.json holds what the router of 1.82.6 says of made-up deployments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glowplug.config.readers.litellm.ids import deployment_id

SEEN = json.loads(Path(__file__).with_name("ids.json").read_text())


@pytest.mark.parametrize("case", SEEN, ids=lambda case: str(case["model_name"]))
def test_ids_are_those_that_litellm_gives(case: dict[str, object]) -> None:
    params = case["litellm_params"]
    assert isinstance(params, dict)
    assert deployment_id(str(case["model_name"]), params, {}) == case["id"]


def test_an_id_that_is_given_stands() -> None:
    assert deployment_id("a", {"model": "x"}, {"id": "mine"}) == "mine"
    assert deployment_id("a", {"model": "x"}, {"id": 7}) == "7"


def test_the_order_of_parameters_counts() -> None:
    one = deployment_id("a", {"model": "x", "rpm": 1}, {})
    assert one != deployment_id("a", {"rpm": 1, "model": "x"}, {})
