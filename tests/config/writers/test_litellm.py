"""There and back: what is exported is read as the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.config.readers.litellm import read
from glowplug.config.readers.plain import read_plain
from glowplug.config.writers.litellm import export
from glowplug.providers.catalogue import PROVIDERS
from tests.support.nested import nested

SAMPLES = Path(__file__).parents[1] / "readers" / "litellm" / "samples"
ENV = {"AZURE_US_BASE": "https://office-us.openai.azure.com"}
PROVIDER: dict[str, dict[str, Value]] = {
    "openai": {"type": "openai", "api_key": "${OPENAI_API_KEY}"},
    "groq": {"type": "groq", "api_key": "${GROQ_API_KEY}"},
    "lab": {"base_url": "http://10.0.0.5:9001/v1"},
    "azure": {"type": "azure", "base_url": "https://r.openai.azure.com/openai/v1", "api_key": "${AZ}"},
}


def seen(document: Any, names: list[str]) -> dict[str, Any]:
    """Aliases with their targets as what is asked where, and everything that says who is asked when."""
    found: dict[str, Any] = {}
    for name in names:
        alias = document["aliases"][name]
        targets = [asked(document, target) for target in alias["targets"]]
        policy = alias.get("policy", "order") if len(targets) > 1 else "order"
        weights = alias.get("weights", {})
        shares = [weights.get(target, 1) for target in alias["targets"]] if policy == "weight" else None
        if shares is not None and sum(map(bool, shares)) == 1:
            policy, shares = "order", None  # one is asked first, and the others only when it cannot answer
        found[name] = {
            "targets": targets, "policy": policy, "shares": _reduced(shares),
            **{key: alias.get(key) or None for key in ("fallback", "on_context", "on_content")},
        }  # fmt: skip
    found["*"] = document.get("defaults", {}).get("fallback") or None
    return found


def asked(document: Any, target: str) -> dict[str, Any]:
    model = document["models"][target]
    entry = dict(document["providers"][model["provider"]])
    entry.setdefault("type", model["provider"] if "base_url" not in entry else None)
    fields = (
        "rpm",
        "tpm",
        "max_concurrency",
        "context_window",
        "dimensions",
        "price",
        "request_defaults",
        "capabilities",
        "tags",
    )
    return {"id": model["id"], "of": entry, **{key: model.get(key) for key in fields}}


def _reduced(shares: list[int] | None) -> list[float] | None:
    return None if shares is None else [share / max(max(shares), 1) for share in shares]


def back(document: dict[str, Any], **env: str) -> Any:
    return read(export(document, providers=PROVIDERS).text, env=env, providers=PROVIDERS).document


_models = st.fixed_dictionaries(
    {"provider": st.sampled_from(sorted(PROVIDER)), "id": st.sampled_from(["gpt-5", "a/b:c", "x$${y}", "é"])},
    optional={
        "rpm": st.integers(1, 1000), "tpm": st.integers(1, 10**6), "max_concurrency": st.integers(1, 9),
        "context_window": st.integers(1, 10**6), "dimensions": st.integers(1, 10**4),
        "request_defaults": st.just({"temperature": 0.5, "mirostat": 2}),
        "capabilities": st.sampled_from([["embeddings"], ["rerank"], ["images"]]), "tags": st.just(["a", "b"]),
        "price": st.sampled_from([{"prompt": 3, "completion": 15},
                                  {"prompt": 0.15, "cached": 0.075, "request": 0.001}]),
    },
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    models = {f"m{number}": model for number, model in enumerate(draw(st.lists(_models, min_size=1, max_size=4)))}
    policy = draw(st.sampled_from(["weight", "least-busy", "latency", "price"]))
    aliases: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(["chat", "fast", "x/y", "no"]), min_size=1, max_size=3, unique=True)):
        targets = draw(st.lists(st.sampled_from(sorted(models)), min_size=1, max_size=3, unique=True))
        alias: dict[str, Any] = {"targets": targets}
        if draw(st.booleans()):
            alias["policy"] = policy
            if policy == "weight" and draw(st.booleans()):
                shares = draw(st.lists(st.integers(1, 5), min_size=len(targets), max_size=len(targets)))
                # Those that are asked last stand last, as LiteLLM's order puts them.
                zeros = draw(st.integers(0, len(targets) - 1))
                shares[len(targets) - zeros :] = [0] * zeros
                alias["weights"] = dict(zip(targets, shares, strict=True))
        earlier = [other for other in aliases if draw(st.booleans())]
        for key in draw(st.lists(st.sampled_from(["fallback", "on_context", "on_content"]), unique=True)):
            if earlier:
                alias[key] = earlier
        aliases[name] = alias
    document: dict[str, Any] = {"providers": PROVIDER, "models": models, "aliases": aliases}
    if draw(st.booleans()):
        document["defaults"] = {"fallback": [next(iter(aliases))]}
    return document


@given(documents())
@settings(max_examples=200, deadline=None)
def test_targets_orders_weights_and_fallbacks_come_back(document: dict[str, Any]) -> None:
    names = list(document["aliases"])
    assert seen(back(document), names) == seen(document, names)


@pytest.mark.parametrize("name", ["office.yaml", "home.yaml"])
def test_samples_come_back_with_their_ids(name: str) -> None:
    first: Any = read((SAMPLES / name).read_text(), env=ENV, providers=PROVIDERS)
    again: Any = read(export(first.document, providers=PROVIDERS).text, env=ENV, providers=PROVIDERS)
    for alias, entry in first.document["aliases"].items():
        models, others = ([one.document["models"].get(target) for target in one.document["aliases"][alias]["targets"]]
                          for one in (first, again))  # fmt: skip
        assert [model and model["id"] for model in models] == [
            other and other["id"] for other in others
        ] or alias == "sonnet"
        assert again.document["aliases"][alias].get("fallback") == entry.get("fallback")
    kept = {id for model in again.document["models"].values() for id in model["former_ids"]}
    assert set(first.models) <= kept


def test_no_secret_is_ever_written() -> None:
    document: dict[str, Any] = {
        "providers": {
            "a": {"base_url": "https://h.example/v1", "api_key": "sk-literal", "headers": {"X-Key": "hush-1"}},
            "b": {"type": "groq", "api_key": "file:/etc/hush-2"}, "c": {"type": "groq", "api_key": "secret:hush-name"},
        },
        "models": {name: {"provider": name, "id": "x"} for name in "abc"},
        "telemetry": {"otlp": "http://h:4318", "headers": {"Authorization": "hush-3"}},
    }  # fmt: skip
    found = export(document, providers=PROVIDERS)
    assert not any(secret in found.text for secret in ("sk-literal", "hush-1", "hush-2", "hush-3"))
    assert "os.environ/GLOWPLUG_HUSH_NAME" in found.text
    assert "# changed: telemetry.otlp: callbacks: otel (LiteLLM starts only with opentelemetry-sdk" in found.text


def test_what_litellm_has_no_word_for_is_a_note_and_a_comment() -> None:
    document: dict[str, Any] = {
        "server": {"host": "::1", "port": 5000, "limits": {"body": 1 << 25}, "log_format": "json"},
        "groups": {"g": {"members": ["l"]}}, "defaults": {"keep_alive": "5m", "first_byte_timeout": "90s"},
        "models": {"l": {"engine": "llamacpp", "path": "/x.gguf"}, "odd": {"provider": "gone", "id": "x"}},
        "aliases": {"a": {"targets": ["l"], "cold": "reject", "fallback": ["odd"]}},
    }  # fmt: skip
    found = export(document, providers=PROVIDERS)
    where = {note.where: note.outcome for note in found.notes}
    assert (
        where["groups"]
        is where["aliases.a.cold"]
        is where["server.host"]
        is where["defaults.keep_alive"]
        is Outcome.LEFT
    )
    assert where["models.odd"] is where["aliases.a.fallback"] is Outcome.REFUSED
    comments = [line for line in found.text.splitlines() if line.startswith("# ")]
    assert len(comments) == len(found.notes) + 1
    tree: Any = read_plain(found.text, "x").values
    assert tree["model_list"][0]["litellm_params"]["api_base"] == "http://127.0.0.1:5000/v1"
    assert tree["router_settings"] == {"fallbacks": [{"a": []}], "stream_timeout": 90}
    assert tree["general_settings"] == {"master_key": "os.environ/LITELLM_MASTER_KEY", "max_request_size_mb": 32}
    assert tree["litellm_settings"] == {"json_logs": True}


def test_models_that_clients_may_know_have_their_own_name_too() -> None:
    document: dict[str, Any] = {
        "providers": PROVIDER,
        "models": {
            "mine": {"provider": "groq", "id": "a"}, "old": {"provider": "groq", "id": "b", "former_ids": ["1"]},
            "many/*": {"provider": "groq", "id": "*"},
        },
        "aliases": {"x": {"targets": ["mine", "old"]}, "y": {"targets": ["many/z"], "fallback": ["many/k", "x"]}},
    }  # fmt: skip
    tree: Any = read_plain(export(document, providers=PROVIDERS).text, "x").values
    assert [(entry["model_name"], entry["litellm_params"]["model"]) for entry in tree["model_list"]] == [
        ("x", "groq/a"), ("x", "groq/b"), ("y", "groq/z"), ("mine", "groq/a"), ("many/*", "groq/*"),
    ]  # fmt: skip
    assert tree["router_settings"]["fallbacks"] == [{"y": ["many/k", "x"]}]


def test_one_strategy_for_all() -> None:
    aliases = {name: {"targets": ["a", "b"], "policy": policy} for name, policy in
               (("x", "latency"), ("y", "latency"), ("z", "price"))}  # fmt: skip
    models = {name: {"provider": "groq", "id": name} for name in "ab"}
    found = export({"providers": PROVIDER, "models": models, "aliases": aliases}, providers=PROVIDERS)
    assert "routing_strategy: latency-based-routing" in found.text
    assert [note.where for note in found.notes if note.outcome is Outcome.CHANGED] == ["aliases.z.policy"]


_values = nested(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(exclude_categories=["Cs"]), max_size=6)),
    st.text(max_size=4),
)


@given(st.dictionaries(st.sampled_from(["server", "defaults", "providers", "models", "aliases", "telemetry", "groups"]),
                       st.dictionaries(st.sampled_from(["a", "b", "fallback", "otlp", "limits"]), _values,
                                       max_size=3)))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_any_document_can_be_exported(document: dict[str, Any]) -> None:
    json.dumps(read_plain(export(document, providers=PROVIDERS).text, "x").values)
