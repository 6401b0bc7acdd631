"""Dollars a token become dollars a million tokens, exactly."""

from glowplug.config.readers.litellm.prices import price
from glowplug.config.readers.notes import Notes


def test_every_kind_of_price() -> None:
    keys = {
        "input_cost_per_token": 0.00000015, "output_cost_per_token": "6e-7", "cache_read_input_token_cost": 7.5e-08,
        "cache_creation_input_token_cost": 0, "input_cost_per_audio_token": 1e-05, "output_cost_per_audio_token": 2e-05,
        "input_cost_per_request": 0.005, "input_cost_per_token_above_128k_tokens": 3e-07, "rpm": 3,
        "output_cost_per_second": 1,
    }  # fmt: skip
    assert price("m", {"litellm_params": keys}, Notes()) == {
        "prompt": 0.15, "completion": 0.6, "cached": 0.075, "cache_written": 0, "prompt_audio": 10,
        "completion_audio": 20, "request": 0.005, "tiers": [{"above": 128000, "prompt": 0.3, "completion": 0.6}],
    }  # fmt: skip


def test_the_first_place_wins_and_nothing_is_nothing() -> None:
    sources = {"litellm_params": {"input_cost_per_token": 1e-6}, "model_info": {"input_cost_per_token": 2e-6}}
    assert price("m", sources, Notes()) == {"prompt": 1}
    assert price("m", {"model_info": {"input_cost_per_token": None}}, Notes()) == {}


def test_what_is_no_price_is_told() -> None:
    notes = Notes()
    found = price(
        "m", {"i": {"input_cost_per_token": "cheap", "output_cost_per_token": -1, "input_cost_per_request": 1e9}}, notes
    )
    assert found == {}
    assert [note.where for note in notes.all()] == [
        "m.i.input_cost_per_token", "m.i.output_cost_per_token", "m.i.input_cost_per_request",
    ]  # fmt: skip
