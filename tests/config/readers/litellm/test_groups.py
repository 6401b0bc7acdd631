"""Public names, the names of models, wildcards, and names that stand for others."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome

from .reading import loaded, notes, read_text


def listed(*pairs: str, rest: str = "", **env: str):  # type: ignore[no-untyped-def]
    lines = [f"- {{model_name: '{name}', litellm_params: {{model: '{model}', api_key: k}}}}" for name, model in
             (pair.split("=") for pair in pairs)]  # fmt: skip
    read = read_text("model_list:\n" + "\n".join(lines) + "\n" + rest, **env)
    loaded(read, **env)
    return read


def test_each_deployment_is_a_model_and_the_public_name_an_alias() -> None:
    read = listed("gpt=openai/a", "gpt=openai/b", "gpt=groq/c", "other=groq/d")
    assert list(read.document["models"]) == ["gpt-openai", "gpt-openai-2", "gpt-groq", "other-groq"]
    assert read.document["aliases"] == {
        "gpt": {"targets": ["gpt-openai", "gpt-openai-2", "gpt-groq"], "policy": "weight"},
        "other": {"targets": ["other-groq"]},
    }
    assert list(read.models.values()) == list(read.document["models"])


def test_models_never_take_the_name_of_an_alias() -> None:
    read = listed("gpt=openai/a", "gpt-openai=openai/b", "gpt-openai-2=openai/c")
    assert list(read.document["models"]) == ["gpt-openai-3", "gpt-openai-openai", "gpt-openai-2-openai"]


def test_names_that_do_not_fit_are_changed_and_told() -> None:
    read = listed("GPT 4 (eu)=openai/a", "GPT-4-eu=openai/b")
    assert read.names == {"GPT-4-eu": "GPT-4-eu", "GPT 4 (eu)": "GPT-4-eu-2"}
    assert [note.what for note in read.notes if note.outcome is Outcome.CHANGED] == ["the name GPT-4-eu-2"]


@pytest.mark.parametrize(
    ("pair", "model", "id"),
    [("openai/*=openai/*", "openai/*", "*"), ("my-*=openai/gpt-*", "my-*", "gpt-*"), ("*=openai/*", "*", "*"),
     ("any-*=openai/gpt-4o", "any-*", "gpt-4o")],
)  # fmt: skip
def test_a_name_that_stands_for_many_is_a_model(pair: str, model: str, id: str) -> None:
    read = listed(pair, pair)
    (name,) = read.document["models"]
    assert (name, read.document["models"][name]["id"]) == (model, id)
    assert "aliases" not in read.document
    assert notes(read, Outcome.LEFT)["model_list[1]"] == "a name that stands for many has one model"


@pytest.mark.parametrize("name", ["openai/*-mini", "*/*", "ünï/*", "*x"])
def test_stars_elsewhere_are_refused(name: str) -> None:
    read = listed(f"{name}=openai/x")
    assert "models" not in read.document
    assert notes(read, Outcome.REFUSED) == {"model_list[0]": "a * stands at the end of a name, once"}


def test_a_star_that_passes_everything_on_is_one_model_for_each_provider_with_a_key() -> None:
    text = "model_list: [{model_name: '*', litellm_params: {model: '*'}}]"
    read = read_text(text, GROQ_API_KEY="g", ANTHROPIC_API_KEY="a")
    assert {name: model["id"] for name, model in read.document["models"].items()} == {  # type: ignore[union-attr,index,call-overload]
        "anthropic/*": "*", "groq/*": "*",
    }  # fmt: skip
    assert [len(model.get("former_ids", ())) for model in read.document["models"].values()] == [1, 0]  # type: ignore[union-attr,arg-type]
    loaded(read, GROQ_API_KEY="g", ANTHROPIC_API_KEY="a")
    assert "models" not in read_text(text).document


def test_names_that_stand_for_others() -> None:
    rest = (
        "router_settings: {model_group_alias: {old: gpt, quiet: {model: gpt, hidden: true}, twice: old,"
        " one: openai/gpt-5, gone: nobody, gpt2: gpt, 'a*': gpt}, fallbacks: [{gpt: [other]}]}"
    )
    read = listed("gpt=openai/a", "gpt2=openai/b", "other=groq/c", "openai/*=openai/*", rest=rest)
    aliases = read.document["aliases"]
    assert aliases["old"] == aliases["quiet"] == aliases["twice"] == aliases["gpt"] == aliases["gpt2"] == {
        "targets": ["gpt-openai"], "fallback": ["other"],
    }  # fmt: skip
    assert aliases["one"] == {"targets": ["openai/gpt-5"]}
    assert set(notes(read, Outcome.REFUSED)) == {
        "router_settings.model_group_alias.gone", "router_settings.model_group_alias.a*",
    }  # fmt: skip
    assert "gone" not in read.names


def test_a_client_that_leaves_cancels_where_it_did() -> None:
    read = listed("a=groq/x", rest="general_settings: {cancel_on_disconnect: true}")
    assert read.document["providers"]["groq"]["on_disconnect"] == "cancel"


def test_strategies() -> None:
    for strategy, policy in (
        ("latency-based-routing", "latency"),
        ("unheard-of", "weight"),
        ("usage-based-routing-v2", "least-busy"),
    ):
        read = listed("a=groq/x", "a=groq/y", rest=f"router_settings: {{routing_strategy: {strategy}}}")
        assert read.document["aliases"]["a"]["policy"] == policy
        told = "router_settings.routing_strategy" in notes(read, Outcome.CHANGED)
        assert told is (strategy != "latency-based-routing")
