from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.model import Capability
from glowplug.domain.naming import TYPES, Facts, Name, Naming, short, type_of

PLACES = ("llamacpp", "vllm", "sglang", "ollama", "command", "openai", "cloud", "ollama-cloud", "my.box")
NAMING = Naming(PLACES)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("chat-hermes-3-llama-3.1-8b-llamacpp", ("chat", "hermes-3-llama-3.1-8b", "llamacpp")),
        ("embed-arctic-m-llamacpp", ("embed", "arctic-m", "llamacpp")),
        ("vision-qwen3-vl-4b-ollama", ("vision", "qwen3-vl-4b", "ollama")),
        ("chat-gpt-5-mini-openai", ("chat", "gpt-5-mini", "openai")),
        ("chat-kimi-k2-ollama-cloud", ("chat", "kimi-k2", "ollama-cloud")),
        ("chat-x-my.box", ("chat", "x", "my.box")),
    ],
)
def test_names_that_follow(text: str, parts: tuple[str, str, str]) -> None:
    assert NAMING.parse(text) == Name(*parts)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("gpt-5-mini", "type"), ("chat", "type"), ("chatty-x-vllm", "type"), ("chat-gpt-5", "end with"),
        ("chat-vllm", "between"), ("chat--vllm", "between"), ("chat-a--b-vllm", "single"), ("chat-A-vllm", "small"),
        ("chat-a_b-vllm", "small"), ("chat-a.-vllm", "single"), ("", "type"), ("chat-org/x-vllm", "small"),
    ],
)  # fmt: skip
def test_why_others_do_not(text: str, why: str) -> None:
    found = NAMING.parse(text)
    assert isinstance(found, str)
    assert why in found


def test_a_name_says_who_serves() -> None:
    assert NAMING.objection("chat-x-vllm", "vllm") == ""
    assert NAMING.objection("chat-x-vllm", "ollama") == "says vllm, and ollama serves it"


@pytest.mark.parametrize(
    ("source", "brief", "full"),
    [
        ("hf.co/bartowski/Hermes-3-Llama-3.1-8B-GGUF:Q4_K_M", "hermes-3-llama-3.1-8b", "hermes-3-llama-3.1-8b-q4-k-m"),
        ("gpt-5-mini", "gpt-5-mini", "gpt-5-mini"),
        ("nomic-embed-text:latest", "nomic-embed-text", "nomic-embed-text"),
        ("mistral:7b", "mistral-7b", "mistral-7b"),
        ("/data/Qwen3-8B-Q4_K_M.gguf", "qwen3-8b", "qwen3-8b-q4-k-m"),
        ("Qwen/Qwen3-8B-AWQ", "qwen3-8b", "qwen3-8b-awq"),
        ("unsloth/gemma-3-4b-it-UD-Q4_K_XL.gguf", "gemma-3-4b-it", "gemma-3-4b-it-ud-q4-k-xl"),
        ("..", "model", "model"),
        ("", "model", "model"),
        ("Ünïcode", "n-code", "n-code"),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1-0",
         "anthropic.claude-3-5-haiku-20241022-v1-0"),
    ],
)  # fmt: skip
def test_sources_become_the_middle_of_a_name(source: str, brief: str, full: str) -> None:
    assert (short(source, quantised=False), short(source)) == (brief, full)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (Facts("gpt-5-mini", "openai"), "chat"),
        (Facts("nomic-embed-text", "ollama"), "embed"),
        (Facts("x", "vllm", (Capability.EMBEDDINGS,)), "embed"),
        (Facts("x", "vllm", (Capability.RERANK,)), "rerank"),
        (Facts("whisper-large", "command", (Capability.TRANSCRIPTIONS,)), "audio"),
        (Facts("qwen3-vl:4b", "ollama", (Capability.CHAT, Capability.COMPLETIONS)), "vision"),
        (Facts("qwen2.5-coder:7b", "ollama", (Capability.CHAT,)), "code"),
        (Facts("x.gguf", "llamacpp", (Capability.CHAT,), sees=True), "vision"),
        (Facts("text-embedding-3-small", "openai", tuple(Capability)), "embed"),
        (Facts("embedder-chat", "llamacpp", (Capability.CHAT,)), "chat"),
        (Facts("decoder-7b", "vllm"), "chat"),
        (Facts("dall-e-3", "openai"), "image"),
    ],
)
def test_types(facts: Facts, kind: str) -> None:
    assert type_of(facts) == kind


def test_a_quantisation_is_said_where_it_tells_two_apart() -> None:
    first = NAMING.propose(Facts("a-8b-Q4_K_M.gguf", "llamacpp"))
    second = NAMING.propose(Facts("a-8b-Q8_0.gguf", "llamacpp"), {first})
    assert (first, second) == ("chat-a-8b-llamacpp", "chat-a-8b-q8-0-llamacpp")


def test_a_name_that_would_be_read_otherwise_is_not_proposed() -> None:
    assert NAMING.propose(Facts("x-ollama", "cloud")) == "chat-x-ollama-2-cloud"
    with pytest.raises(ValueError, match="no engine"):
        NAMING.propose(Facts("x", "nowhere"))


_middles = st.from_regex(r"[a-z0-9]+([.-][a-z0-9]+){0,4}", fullmatch=True)


@given(st.sampled_from(TYPES), _middles, st.sampled_from(PLACES))
def test_what_is_written_is_read_back_unless_another_place_fits(kind: str, middle: str, place: str) -> None:
    name = Name(kind, middle, place)
    found = NAMING.parse(str(name))
    assert isinstance(found, Name)
    assert str(found) == str(name)
    if place != "cloud" or not middle.endswith("ollama"):
        assert found == name


_sources = st.one_of(
    st.text(max_size=300), st.sampled_from(["a:b", "x/y-Q4_K_M.gguf", "hf.co/a/b-GGUF:Q8_0", "x-ollama"])
)


@given(st.lists(st.builds(Facts, _sources, st.sampled_from(PLACES)), max_size=8))
def test_proposals_follow_and_are_unique(many: list[Facts]) -> None:
    taken: set[str] = set()
    for facts in many:
        name = NAMING.propose(facts, taken)
        assert name not in taken
        assert NAMING.objection(name, facts.engine) == ""
        assert len(name) <= 200
        taken.add(name)
