from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from glowplug.usecases.names import Served, better, proposals
from tests.usecases.managers import CATALOG

PLACES = ("llamacpp", "openai")


def test_names_that_follow_need_nothing() -> None:
    assert proposals([Served("chat-gpt-5-mini-openai", "openai", "gpt-5-mini")], PLACES) == ()


def test_a_proposal_says_why_and_what_to_run() -> None:
    (found,) = proposals([Served("gpt", "openai", "gpt-5-mini")], PLACES)
    assert found.proposed == "chat-gpt-5-mini-openai"
    assert "type" in found.why
    assert found.command == "glowplug rename gpt chat-gpt-5-mini-openai"


def test_a_name_that_says_another_place_does_not_follow() -> None:
    (found,) = proposals([Served("chat-x-openai", "llamacpp", "x.gguf")], PLACES)
    assert found.proposed == "chat-x-llamacpp"
    assert found.why == "says openai, and llamacpp serves it"


def test_nothing_is_proposed_twice_or_taken() -> None:
    models = [Served("a", "openai", "gpt-5"), Served("b", "openai", "gpt-5")]
    found = [one.proposed for one in proposals(models, PLACES, {"chat-gpt-5-openai"})]
    assert found == ["chat-gpt-5-2-openai", "chat-gpt-5-3-openai"]


def test_what_a_model_can_do_is_in_its_proposal() -> None:
    (found,) = proposals([Served("e", "llamacpp", "arctic-m.gguf", (Capability.EMBEDDINGS,))], PLACES)
    assert found.proposed == "embed-arctic-m-llamacpp"


def test_a_name_for_many_is_left_out() -> None:
    assert proposals([Served("openai/*", "openai", "*")], PLACES) == ()


def test_a_name_with_odd_characters_is_quoted() -> None:
    (found,) = proposals([Served("my gpt", "openai", "gpt-5")], PLACES)
    assert found.command == "glowplug rename 'my gpt' chat-gpt-5-openai"


def test_a_place_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="no engine or provider"):
        proposals([Served("x", "elsewhere", "x")], PLACES)


def test_the_models_of_a_configuration_and_not_its_aliases() -> None:
    found = {one.name: one.proposed for one in better(CATALOG)}
    assert list(found) == ["local", "cloud", "unset"]
    assert found["local"] == "chat-m-llamacpp"
    assert len(set(found.values())) == 3
