"""Models, credentials and settings for a LiteLLM database, with every way in which their values go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from glowplug.testing.litellm_sealing import LOST, Sealer

Insert = Callable[[str, Mapping[str, object]], None]
"""Table, row: columns that the era lacks are left out."""
_BY = {"created_by": "admin", "updated_by": "admin"}


@dataclass
class PlantedModels:
    models: dict[str, dict[str, object]] = field(default_factory=dict)
    """Id → parameters in clear."""
    names: dict[str, str] = field(default_factory=dict)
    """Id → the name clients use."""
    refused_models: dict[str, str] = field(default_factory=dict)
    """Id → the trap that makes it so."""
    credentials: dict[str, dict[str, object]] = field(default_factory=dict)
    refused_credentials: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    traps: dict[str, str] = field(default_factory=dict)
    """Name of a trap → the beginning of the place that a report must name."""


def plant_models(insert: Insert, sealer: Sealer) -> PlantedModels:
    planted = PlantedModels()
    _good_models(insert, sealer, planted)
    _bad_models(insert, sealer, planted)
    _credentials(insert, sealer, planted)
    _settings(insert, sealer, planted)
    return planted


def _model(insert: Insert, id: str, name: str, params: object, info: Mapping[str, object] | None = None) -> None:
    row = {"model_id": id, "model_name": name, "litellm_params": params, "model_info": {"id": id, **(info or {})}}
    insert("LiteLLM_ProxyModelTable", row | _BY)


def _good_models(insert: Insert, sealer: Sealer, planted: PlantedModels) -> None:
    def add(id: str, name: str, params: dict[str, object], stored: object, **info: object) -> None:
        _model(insert, id, name, stored, info)
        planted.models[id] = params
        planted.names[id] = name

    def trap(name: str, id: str) -> None:
        planted.traps[name] = f"LiteLLM_ProxyModelTable[{id}]"

    cloud: dict[str, object] = {"model": "openai/gpt-4o", "api_key": "sk-cloud-1", "rpm": 100, "tags": ["paid"]}
    local: dict[str, object] = {
        "model": "ollama_chat/qwen3:32b",
        "api_base": "http://127.0.0.1:11434",
        "custom_llm_provider": "ollama_chat",
    }
    add("m-cloud-1", "chat", cloud, sealer.row(cloud))
    second = cloud | {"api_key": "sk-cloud-2"}
    add("m-cloud-2", "chat", second, sealer.row(second))
    add("m-local", "chat-local", local, sealer.row(local), mode="chat")
    add("m-json", "json in a string", local, json.dumps(sealer.row(local)))
    texts: dict[str, object] = {"model": "openai/gpt-4o-mini", "timeout": "600", "rpm": "100", "stream_timeout": 2.5}
    add("m-texts", "numbers as strings", texts, sealer.row(texts))
    shared: dict[str, object] = {"model": "azure/gpt-4o", "litellm_credential_name": "azure-eu"}
    add("m-shared", "by credential", shared, sealer.row(shared))
    twice: dict[str, object] = {"model": "openai/o3", "api_key": "sk-twice"}
    add("m-twice", "encrypted twice", twice, sealer.row(twice, layers=2))
    trap("encrypted twice", "m-twice")
    add("m-thrice", "encrypted three times", twice, sealer.row(twice, layers=3))
    trap("encrypted three times", "m-thrice")
    add("m-clear", "in clear", local, local)
    trap("in clear", "m-clear")
    add("m-wildcard", "*", {"model": "*"}, {"model": "*"})
    trap("wildcard in clear", "m-wildcard")
    every: dict[str, object] = {"model": "openai/*", "api_key": "sk-proj-" + "aB3dE5gH7jK9mN1pQ" * 5}
    add("m-every", "openai/*", every, sealer.row(every))
    nested = twice | {"extra_headers": {"X-Team": "search"}, "extra_body": {"top_k": 20}}
    add("m-nested", "with headers", nested, sealer.row(nested))
    info = {"team_id": "team-search", "team_public_model_name": "ours"}
    _model(insert, "m-team", "model_name_team-search_6a1f", sealer.row(local), info)
    planted.models["m-team"], planted.names["m-team"] = local, "ours"


def _bad_models(insert: Insert, sealer: Sealer, planted: PlantedModels) -> None:
    def add(id: str, name: str, trap: str, stored: object) -> None:
        _model(insert, id, name, stored)
        planted.refused_models[id] = trap
        planted.traps[trap] = f"LiteLLM_ProxyModelTable[{id}]"

    params = {"model": "openai/gpt-4o", "api_base": "https://api.example.invalid/v1", "api_key": "sk-real"}
    lost = {name: sealer.seal(value, key=LOST) for name, value in params.items()}
    add("b-lost", "key lost", "written with a lost key", lost)
    aes = {"model": sealer.seal("x", key=LOST, encoding="gcm")}
    add("b-lost-aes", "key lost, AES", "written with a lost key, AES", aes)
    half = sealer.row(params) | {"api_key": lost["api_key"]}
    add("b-half", "half of it lost", "one field written with a lost key", half)
    add("b-mask", "mask encrypted", "a mask over the key", sealer.row(params | {"api_key": "sk-r****real"}))
    add("b-mask-clear", "mask in clear", "a mask in clear", sealer.row(params) | {"api_key": "sk-r****real"})
    add("b-four", "encrypted four times", "encrypted four times", sealer.row(params, layers=4))
    add("b-inner", "inner layer lost", "an inner layer with a lost key", sealer.row(lost))
    cut = sealer.row(params)
    add("b-cut", "cut off", "a value that was cut off", cut | {"api_base": str(cut["api_base"]).rstrip("=")[:-3]})
    add("b-empty", "no model", "an empty model", sealer.row(params | {"model": ""}))
    add("b-nothing", "no parameters", "no parameters at all", {})


def _credentials(insert: Insert, sealer: Sealer, planted: PlantedModels) -> None:
    def add(name: str, stored: object) -> None:
        row = {"credential_id": f"c-{name}", "credential_name": name, "credential_values": stored}
        insert("LiteLLM_CredentialsTable", row | {"credential_info": {"custom_llm_provider": "azure"}} | _BY)

    good: dict[str, object] = {"api_key": "azure-key", "api_base": "https://eu.example.invalid"}
    add("azure-eu", sealer.row(good))
    add("edited", json.dumps(sealer.row(good, layers=2)))
    planted.credentials |= {"azure-eu": good, "edited": good}
    planted.traps["a credential encrypted twice"] = "LiteLLM_CredentialsTable[edited]"
    add("lost", {"api_key": sealer.seal("azure-key", key=LOST)})
    add("masked", sealer.row({"api_key": "az****ey"}))
    for name, trap in (("lost", "a credential with a lost key"), ("masked", "a mask over a credential")):
        planted.refused_credentials[name] = trap
        planted.traps[trap] = f"LiteLLM_CredentialsTable[{name}]"


def _settings(insert: Insert, sealer: Sealer, planted: PlantedModels) -> None:
    routing: dict[str, object] = {"num_retries": 5, "fallbacks": [{"chat": ["chat-local"]}]}
    general: dict[str, object] = {"store_model_in_db": True, "alerting": ["slack"]}
    names = {"LANGFUSE_SECRET_KEY": "sk-lf-1", "SLACK_WEBHOOK_URL": "https://hooks.example.invalid/x"}
    lost = {"OLD_SECRET": sealer.seal("gone", key=LOST)}
    for name, value in (
        ("router_settings", json.dumps(routing)),
        ("general_settings", general),
        ("environment_variables", sealer.row(names) | lost),
        ("ui_settings", {"theme": "dark"}),
    ):
        insert("LiteLLM_Config", {"param_name": name, "param_value": value})
    planted.settings |= {"router_settings": routing, "general_settings": general, "environment_variables": dict(names)}
    planted.traps["an environment variable with a lost key"] = (
        "LiteLLM_Config[environment_variables].param_value.OLD_SECRET"
    )
    planted.traps["a setting of its page"] = "LiteLLM_Config[ui_settings]"
