"""A foreign document into a configuration that is there."""

from __future__ import annotations

from glowplug.config.edit import Did
from glowplug.config.merge import Merged, merge, startable
from glowplug.config.readers.foreign import Foreign, LocalOffer, Outcome
from glowplug.config.readers.plain import read_plain
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.catalogue import PROVIDERS

FOREIGN = Foreign(
    "LiteLLM's config.yaml",
    {
        "providers": {"openai": {"api_key": "secret:a"}, "ollama": {"base_url": "http://localhost:11434/v1"}},
        "models": {
            "gpt-openai": {"provider": "openai", "id": "gpt"},
            "llama-ollama": {"provider": "ollama", "id": "llama3", "former_ids": ["x"]},
        },
        "aliases": {"gpt": {"targets": ["gpt-openai"]}},
    },
    offers=(
        LocalOffer("llama-ollama", "ollama", "http://localhost:11434/v1", {"engine": "ollama", "id": "llama3"}, "port"),
    ),
)


def merged(text: str, *, managed: bool = False) -> Merged:
    return merge(text, FOREIGN, providers=PROVIDERS, engines=Catalogue(), managed=managed)


def test_twice_is_once() -> None:
    once = merged("# mine\n")
    assert once.text.startswith("# mine\n")
    assert {one.did for one in once.placed} == {Did.ADDED}
    assert once.sections == ("providers", "models", "aliases")
    again = merged(once.text)
    assert again.text == once.text
    assert {one.did for one in again.placed} == {Did.SAME}
    assert again.notes == ()


def test_another_provider_of_the_same_name_gets_a_name_of_its_own() -> None:
    once = merged("providers:\n  openai: {}\n")
    tree = read_plain(once.text, "test").values
    assert tree["providers"]["openai"] == {}  # type: ignore[index,call-overload]
    assert tree["providers"]["openai-2"] == {"type": "openai", "api_key": "secret:a"}  # type: ignore[index,call-overload]
    assert tree["models"]["gpt-openai"]["provider"] == "openai-2"  # type: ignore[index,call-overload]
    assert [note.where for note in once.notes] == ["providers.openai"]
    assert merged(once.text).text == once.text


def test_a_name_that_is_taken_is_left_and_said() -> None:
    once = merged("models:\n  gpt: {provider: groq, id: x}\n  gpt-openai: {provider: groq, id: y}\n")
    assert once.count("aliases", Did.CONFLICT) == once.count("models", Did.CONFLICT) == 1
    assert [(note.outcome, note.where) for note in once.notes] == [
        (Outcome.LEFT, "aliases.gpt"),
        (Outcome.LEFT, "models.gpt-openai"),
    ]


def test_local_engines_become_models_of_ours_when_asked() -> None:
    tree = read_plain(merged("", managed=True).text, "test").values
    assert tree["models"]["llama-ollama"] == {"former_ids": ["x"], "engine": "ollama", "id": "llama3"}  # type: ignore[index,call-overload]
    assert list(tree["providers"]) == ["openai"]  # type: ignore[arg-type]


def test_what_cannot_be_started_stays_an_upstream() -> None:
    offer = LocalOffer("gpt-openai", "llamacpp", "http://localhost:8080/v1", {"engine": "llamacpp"}, "port")
    assert not startable(offer, Catalogue())
    assert not startable(LocalOffer("x", "nothing", "", {}, ""), Catalogue())
    plain = Foreign("x", FOREIGN.document, offers=(offer,))
    done = merge("", plain, providers=PROVIDERS, engines=Catalogue(), managed=True)
    assert "provider: openai" in done.text
    assert "cannot start it without" in done.notes[0].why
