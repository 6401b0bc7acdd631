"""The samples, DB rows, and whatever else somebody may have in a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.litellm import Overlay, read
from glowplug.config.readers.litellm.keys_general import GENERAL
from glowplug.config.readers.litellm.keys_model import INFO, PARAMS
from glowplug.config.readers.litellm.keys_settings import LITELLM, ROUTER
from glowplug.config.readers.litellm.prefixes import PREFIXES
from glowplug.errors import ConfigError
from glowplug.providers.catalogue import PROVIDERS
from tests.support.nested import nested

from .reading import SAMPLES, loaded, notes, read_text

ENV = {"AZURE_US_BASE": "https://office-us.openai.azure.com", "LITELLM_MASTER_KEY": "sk-1", "ANTHROPIC_API_KEY": "a"}


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
@pytest.mark.parametrize("env", [{}, ENV])
def test_samples_load_without_problems(name: str, env: dict[str, str]) -> None:
    found = read_text((SAMPLES / name).read_text(), **env)
    result = loaded(found, **env)
    assert len(result.routes) == len(found.document["models"])  # type: ignore[arg-type]
    assert set(found.models.values()) <= set(found.document["models"])  # type: ignore[arg-type]
    text = json.dumps(found.document)
    assert not any(secret.reveal() in text for secret in found.secrets.values())


def test_the_office() -> None:
    found = read_text((SAMPLES / "office.yaml").read_text(), **ENV)
    document: Any = found.document
    assert document["aliases"]["gpt-4o"] == {
        "targets": ["gpt-4o-azure", "gpt-4o-azure-2", "gpt-4o-openai"], "policy": "weight",
        "weights": {"gpt-4o-azure": 3, "gpt-4o-azure-2": 1, "gpt-4o-openai": 1},
        "fallback": ["claude", "fast"], "on_context": ["claude-long"], "on_content": ["claude"],
    }  # fmt: skip
    assert document["defaults"] == {"first_byte_timeout": 120, "fallback": ["fast"]}
    assert document["models"]["gpt-4o-azure"]["former_ids"] == ["azure-eu"]
    assert document["providers"]["azure-2"]["base_url"] == "${AZURE_US_BASE}/openai/v1"
    assert set(notes(found, Outcome.REFUSED)) == {
        "model_list[11].litellm_params", "model_list[12].litellm_params", "model_list[15]",
        "router_settings.model_group_alias.lost",
    }  # fmt: skip
    assert notes(found, Outcome.LEFT)["litellm_settings.requst_timeout"].startswith("it is none")


def test_rows_of_the_database() -> None:
    overlay = Overlay(
        settings={
            "router_settings": {"routing_strategy": "least-busy"}, "environment_variables": {"db_key": "sealed-once"},
        },
        models=[
            {"model_id": "row-1", "model_name": "gpt",
             "litellm_params": {"model": "groq/a", "api_key": "os.environ/DB_KEY"}, "model_info": {"db_model": True}},
            {"model_id": "row-2", "model_name": "gpt",
             "litellm_params": {"model": "groq/b", "litellm_credential_name": "c"}, "model_info": {"id": "info-2"},
             "created_by": "admin"},
        ],
        credentials=[{"credential_name": "c", "credential_values": {"api_key": "from-row"}}],
    )  # fmt: skip
    found = read_text("model_list: [{model_name: gpt, litellm_params: {model: openai/o}}]", overlay)
    document: Any = found.document
    assert document["aliases"]["gpt"] == {"targets": ["gpt-openai", "gpt-groq", "gpt-groq-2"], "policy": "least-busy"}
    assert (found.models["row-1"], found.models["info-2"]) == ("gpt-groq", "gpt-groq-2")
    assert sorted(secret.reveal() for secret in found.secrets.values()) == ["from-row", "sealed-once"]
    loaded(found)


def test_an_id_that_depends_on_an_unset_variable_is_told() -> None:
    text = "model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: os.environ/K}}]"
    assert "model_list[0]" in notes(read_text(text), Outcome.CHANGED)
    assert "model_list[0]" not in notes(read_text(text, K="1"), Outcome.CHANGED)


@pytest.mark.parametrize(
    ("text", "place"),
    [("model_list:\n- model_name: a\n  litellm_params: {model: op", "line 3"), ("a: [", "line 1"), ("[]", "line 1"),
     ("include: [x]", "include[0]"), ("? [a]\n: b", "line 1"), ("a: &a [*a]", "line 1")],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error_with_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_text(text)
    assert place in str(caught.value)


def test_nothing_is_nothing() -> None:
    assert (read_text("").document, read_text("model_list: null").document) == ({}, {})


# ---- anything

_words = st.one_of(
    st.sampled_from(["gpt-4o", "openai/*", "*", "os.environ/SET", "os.environ/UNSET", "os.environ/odd name", "${X}",
                     "http://localhost:8080/v1", "https://x.example/", "file:/x", "secret:x", "ünï", "", " ", "a/../b",
                     "-1", "1e-6", "true", "🙂", "a" * 300, "none", "a\nb", "\x7f", "default"]),
    st.text(max_size=8),
)  # fmt: skip
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _words)
_values = nested(_leaves, _words)
_models = st.one_of(
    st.builds("{}/{}".format, st.sampled_from([*PREFIXES, "x"]), _words),
    st.sampled_from(["gpt-4o", "claude-3", "*"]),
    _values,
)
_names = st.sampled_from(["a", "b", "c d", "*", "openai/*", "a-openai", "ü"])


def _some(names: object, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(names)), values, max_size=4)  # type: ignore[call-overload]


_fallbacks = st.lists(st.dictionaries(_names, st.lists(_names, max_size=3), max_size=2), max_size=3)
_entries = st.fixed_dictionaries(
    {"model_name": st.one_of(_names, _values), "litellm_params": st.one_of(
        st.builds(lambda some, model: {**some, "model": model}, _some(PARAMS, _values), _models), _values)},
    optional={"model_info": st.one_of(_some(INFO, _values), _values)},
)  # fmt: skip
_lists = {
    name: st.one_of(_fallbacks, _values)
    for name in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
}
_files = st.fixed_dictionaries(
    {"model_list": st.lists(st.one_of(_entries, _entries, _values), max_size=5)},
    optional={
        "router_settings": st.builds(
            lambda some, more: {**some, **more}, _some(ROUTER, _values),
            st.fixed_dictionaries({}, optional={
                **_lists, "default_fallbacks": st.lists(_names, max_size=2),
                "model_group_alias": st.dictionaries(_names, st.one_of(_names, _values), max_size=3),
                "routing_strategy": st.sampled_from(["simple-shuffle", "least-busy", "x"]),
            }),
        ),
        "litellm_settings": st.one_of(_some(LITELLM, _values), _values),
        "general_settings": st.one_of(_some(GENERAL, _values), _values),
        "environment_variables": st.one_of(st.dictionaries(_words, _leaves, max_size=2), _values),
        "credential_list": _values, "callback_settings": _values, "guardrails": _values, "odd one": _values,
    },
)  # fmt: skip


@given(_files)
@settings(max_examples=150, deadline=None)
def test_whatever_a_file_says_the_document_loads(file: dict[str, Any]) -> None:
    env = {"SET": "value"}
    try:
        found = read(json.dumps(file), env=env, providers=PROVIDERS)
    except ConfigError as error:
        assert error.problems
        return
    loaded(found, **env)


@given(_files, st.integers(0, 400))
@settings(max_examples=100, deadline=None)
def test_a_file_that_was_cut_off_is_an_error_or_less(file: dict[str, Any], end: int) -> None:
    try:
        loaded(read(json.dumps(file, indent=1)[:end], env={}, providers=PROVIDERS))
    except ConfigError as error:
        assert all("line" in str(problem) or problem.path for problem in error.problems)


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text(text: str) -> None:
    try:
        read(text, env={}, providers=PROVIDERS)
    except ConfigError as error:
        assert error.problems


@given(_files, st.dictionaries(st.sampled_from(["router_settings", "general_settings", "litellm_settings"]), _values),
       st.lists(st.one_of(_entries, st.dictionaries(_words, _values, max_size=2)), max_size=3))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_rows_are_as_free_as_files(file: dict[str, Any], rows: dict[str, Any], models: list[dict[str, Any]]) -> None:
    try:
        found = read(json.dumps(file), env={}, providers=PROVIDERS, overlay=Overlay(settings=rows, models=models))
    except ConfigError:
        return
    loaded(found)


def test_ids_know_the_variables_of_the_process_only() -> None:
    """As LiteLLM 1.82.6 does: its proxy resolves the file before it exports `environment_variables`."""
    text = """model_list:
- model_name: local/hermes
  litellm_params:
    model: ollama_chat/gpt-oss:120b
    api_base: https://ollama.com
    api_key: os.environ/OLLAMA_API_KEY
    order: 2
environment_variables: {OLLAMA_API_KEY: written-down}
"""
    assert list(read_text(text).models) == ["af275d0974fd4098f29eb53b85182fb0d9fba909ab3dffafd89a25a374975c87"]


def test_variables_inside_mappings_count_for_the_id() -> None:
    text = "model_list: [{model_name: m, litellm_params: {model: openai/x, extra_headers: {X-A: os.environ/A}}}]"
    assert list(read_text(text, A="1").models) != list(read_text(text, A="2").models)
