"""What LiteLLM stores of values, in every way in which it went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.readers.litellm.ciphertext import Opened, Opener
from glowplug.doctor.checks.litellm_sealed_fields import SealedFields, seal
from glowplug.doctor.examine import look
from glowplug.domain.finding import Severity
from glowplug.secret import Secret
from glowplug.testing.litellm_schema import ERAS
from glowplug.testing.litellm_sealing import KEYS, LOST, MASTER, OLDER, SALT, Sealer
from tests.doctor.museum import Exhibit, Machine

BY = {"created_by": "default_user_id", "updated_by": "default_user_id"}
GOOD: Mapping[str, Any] = {
    "model": "openai/gpt-4o", "api_key": "sk-proj-real", "api_base": "https://api.example", "rpm": 60, "tags": ["a"]
}  # fmt: skip


def sealed_database(machine: Machine, era: str = "1.82") -> None:
    """Models and credentials that are sealed once, with the salt key."""
    wing = machine.install_litellm(era)
    assert machine.site.litellm is not None
    machine.site.litellm = replace(machine.site.litellm, keys=tuple(KEYS))
    model(machine, "m-good", wing.sealer.row(GOOD))
    model(machine, "m-plain", {"model": "ollama/qwen3:8b", "api_base": "https://gpu.example.invalid"})


def model(machine: Machine, name: str, params: object) -> None:
    machine.wing.model(name, {})
    query = 'UPDATE "LiteLLM_ProxyModelTable" SET litellm_params = %s::jsonb WHERE model_id = %s'
    machine.wing.execute(query, (json.dumps(params), name))


def plant(params: Callable[[Sealer], object], name: str = "m-bad") -> Callable[[Machine], None]:
    return lambda machine: model(machine, name, params(Sealer()))


def plant_credential(machine: Machine) -> None:
    row = {"credential_id": "c-edited", "credential_name": "edited", "credential_info": {}, **BY}
    values = Sealer().row({"api_key": "az-2"}, layers=2)
    machine.wing.insert("LiteLLM_CredentialsTable", {**row, "credential_values": values})


def plant_variable(machine: Machine) -> None:
    sealed = Sealer(key=MASTER).seal("sk-lf-2")
    query = """UPDATE "LiteLLM_Config" SET param_value = jsonb_set(param_value, '{OTHER}', to_jsonb(%s::text))"""
    machine.wing.execute(query + " WHERE param_name = 'environment_variables'", (sealed,))


def exhibit(name: str, planted: Callable[[Machine], None], *subjects: str, repaired: bool = True) -> Exhibit:
    return Exhibit(name, "litellm-sealed-fields", planted, subjects, Severity.ERROR, repaired, healthy=sealed_database)


EXHIBITS = [
    exhibit("a model sealed with the master key", plant(lambda s: {k: s.seal(v, key=MASTER) if isinstance(v, str) else v
            for k, v in GOOD.items()}), "m-bad"),
    exhibit("a model sealed with AES and an earlier key",
            plant(lambda s: {"model": s.seal("openai/x", key=OLDER, encoding="gcm")}), "m-bad"),
    exhibit("a model sealed twice", plant(lambda s: s.row(GOOD, layers=2)), "m-bad"),
    exhibit("a document in a string, sealed three times", plant(lambda s: json.dumps(s.row(GOOD, layers=3))), "m-bad"),
    exhibit("a credential sealed twice", plant_credential, "edited"),
    exhibit("a variable sealed with the master key", plant_variable, "environment_variables"),
    exhibit("a routing field nobody can open", plant(lambda s: {"model": s.seal("openai/x", key=LOST)}), "m-bad",
            repaired=False),
    exhibit("a mask in clear", plant(lambda s: s.row(GOOD) | {"api_key": "sk-r****real"}), "m-bad", repaired=False),
    exhibit("a mask, sealed", plant(lambda s: s.row({**GOOD, "api_key": "sk-r****real"})), "m-bad", repaired=False),
]  # fmt: skip


@pytest.mark.parametrize("era", ERAS)
def test_what_is_sealed_once_is_fine_in_every_era(bare: Machine, era: str) -> None:
    machine = bare
    sealed_database(machine, era)
    looked, remedy = look(SealedFields(), machine.site)
    assert (looked.findings, looked.could_not, looked.skipped, remedy) == ((), "", "", None)


def test_a_row_can_be_ill_in_several_ways_and_the_rest_is_repaired(bare: Machine) -> None:
    machine = bare
    sealed_database(machine)
    sealer = Sealer()
    mixed = {
        "model": sealer.seal("openai/x", layers=2), "api_base": sealer.seal("http://x", key=MASTER),
        "api_key": sealer.seal("sk-lost", key=LOST), "organization": sealer.seal("org-1"), "note": "a****b",
    }  # fmt: skip
    plant(lambda _: mixed)(machine)
    looked, remedy = look(SealedFields(), machine.site)
    assert [finding.evidence for finding in looked.findings] == [
        ("litellm_params.api_key",), ("litellm_params.note",), ("litellm_params.api_base",), ("litellm_params.model",),
    ]  # fmt: skip
    assert remedy is not None and remedy.actions[0].do(machine.hands)
    query = "SELECT litellm_params FROM \"LiteLLM_ProxyModelTable\" WHERE model_id = 'm-bad'"
    ((params,),) = machine.wing.execute(query)
    assert isinstance(params, dict)
    opener = Opener([SALT])
    assert opener.classify(params["model"]) == Opened("openai/x", (0,))
    assert opener.classify(params["api_base"]) == Opened("http://x", (0,))
    assert (params["api_key"], params["note"], params["organization"]) == (
        mixed["api_key"], mixed["note"], mixed["organization"]
    )  # fmt: skip
    assert [finding.evidence for finding in look(SealedFields(), machine.site)[0].findings] == [
        ("litellm_params.api_key",), ("litellm_params.note",),
    ]  # fmt: skip


def test_nothing_that_was_sealed_is_told(bare: Machine) -> None:
    machine = bare
    sealed_database(machine)
    plant(lambda s: s.row(GOOD, layers=2))(machine)
    looked, _ = look(SealedFields(), machine.site)
    told = msgspec.json.encode(looked).decode()
    assert "sk-proj-real" not in told and "api.example" not in told and "litellm_params: (" in told


def test_without_a_key_it_cannot_be_told(bare: Machine) -> None:
    machine = bare
    sealed_database(machine)
    database_only = machine.site.litellm
    assert database_only is not None
    machine.site.litellm = replace(database_only, keys=())
    assert "no key to open its values with was given" in look(SealedFields(), machine.site)[0].could_not
    machine.site.litellm = None
    assert look(SealedFields(), machine.site)[0].skipped == "no LiteLLM database was named"


@given(st.text(min_size=1, max_size=80), st.text(max_size=10))
def test_what_is_sealed_opens_and_is_the_same_each_time(text: str, place: str) -> None:
    key = Secret("sk-salt")
    stored = seal(text, key, place)
    leaf = Opener([key], random_secrets=True).classify(stored)
    if isinstance(leaf, Opened) and leaf.layers == 1:
        assert leaf.text == text
    assert stored == seal(text, key, place)
    assert stored != seal(text, key, place + "x")
