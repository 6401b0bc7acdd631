"""LiteLLM's models, from its file, its database and its port."""

from __future__ import annotations

from dataclasses import replace

from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.site import Foreign
from glowplug.secret import Secret
from tests.doctor.checks.test_models_unreachable import closed_port
from tests.doctor.museum import Machine
from tests.doctor.server import serve_litellm

FILE = "model_list:\n- {model_name: a, litellm_params: {model: ollama/a}}\nrouter_settings: {num_retries: 1}\n"


def names(machine: Machine) -> frozenset[str]:
    return theirs(machine.site).names


def test_a_file_has_all_unless_it_says_otherwise(bare: Machine) -> None:
    assert names(bare) == frozenset()
    bare.litellm_config(FILE)
    assert names(bare) == {"a"}
    bare.litellm_config(FILE + "general_settings: {store_model_in_db: true}\n")
    assert names(bare) == {"a", "*"}


def test_those_of_the_database_are_opened(bare: Machine) -> None:
    bare.litellm_config(FILE)
    wing = bare.install_litellm()
    wing.model("m-odd", {"model": "*" * 8, "rpm": 5})
    wing.setting("router_settings", {"fallbacks": [{"a": ["b"]}], "num_retries": None, "timeout": []})
    found = theirs(bare.site)
    assert found.names == {"a", "m-cloud", "m-local", "m-odd"}
    by = {one.name: one for one in found.models}
    assert (by["m-cloud"].model, by["m-cloud"].params["rpm"], by["m-odd"].model) == ("openai/gpt-4o", 100, "")
    assert found.document["router_settings"] == {"num_retries": 1, "fallbacks": [{"a": ["b"]}]}
    bare.site.litellm = Foreign(database=Secret(f"postgresql://ann:x@127.0.0.1:{closed_port()}/litellm"))
    assert names(bare) == {"*"}


def test_a_server_knows_all(bare: Machine) -> None:
    bare.litellm_config(FILE)
    entry = {"model_name": "b", "litellm_params": {"model": "openai/b"}, "model_info": {"id": "7"}}
    serve_litellm(bare, {"/model/info": {"data": [entry, 5]}, "/router/settings": {"current_values": {"x": 1}}})
    found = theirs(bare.site)
    assert [(one.where, one.name) for one in found.models] == [("LiteLLM's model 7", "b"), ("LiteLLM's model ?", "")]
    assert found.document["router_settings"] == {"x": 1}
    assert bare.site.litellm is not None
    bare.site.litellm = replace(bare.site.litellm, url_key=None)
    assert names(bare) == {"a", "*"}, "what it does not tell is not known"
