from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.moving.litellm.rows.models import ProxyModel, read_model
from glowplug.moving.litellm.values import Reading, Refused
from glowplug.testing.litellm_sealing import KEYS, LOST, SALT, Sealer, seal
from tests.moving.litellm.rows.reading import notes, reading

PARAMS: dict[str, object] = {"model": "openai/gpt-4o", "api_key": "sk-real", "rpm": 5}


def row(params: object, **more: object) -> dict[str, object]:
    return {"model_id": "m-1", "model_name": "chat", "litellm_params": params, "model_info": {}, **more}


@pytest.mark.parametrize("text", [False, True])
def test_a_model_is_opened_from_an_object_and_from_text(text: bool) -> None:
    sealed = Sealer().row(PARAMS)
    model = read_model(row(json.dumps(sealed) if text else sealed, created_at=5.0, blocked=True), reading())
    assert isinstance(model, ProxyModel)
    assert (model.id, model.name, model.params, model.created, model.blocked) == ("m-1", "chat", PARAMS, 5.0, True)
    assert "sk-real" not in repr(model)


def test_a_model_of_a_team_has_the_name_its_members_use() -> None:
    info = {"team_id": "t", "team_public_model_name": "ours"}
    model = read_model(row(PARAMS, model_name="model_name_t_1", model_info=info), reading())
    assert isinstance(model, ProxyModel) and (model.name, model.team) == ("ours", "t")


def test_one_field_that_is_no_value_refuses_the_model_by_name() -> None:
    read = reading()
    refused = read_model(row(PARAMS | {"api_key": seal("sk-real", LOST, "gcm", 1)}), read)
    assert isinstance(refused, Refused) and refused.name == "chat"
    assert [note.outcome for note in read.notes] == [Outcome.REFUSED]
    assert "the model 'chat' (api_key: it is encrypted and none of the keys opens it)" in notes(read)[0]
    assert "name the key it was written with" in read.notes[0].hint


@pytest.mark.parametrize("params", [{}, {"model": ""}, None, "no json", {"model": None}])
def test_a_model_that_is_none_is_refused(params: object) -> None:
    assert isinstance(read_model(row(params), reading()), Refused)


fields = st.dictionaries(
    st.sampled_from(["model", "api_key", "api_base", "organization", "extra"]), st.text(max_size=40)
)


@given(fields, st.data())
def test_whatever_a_row_went_through_it_gives_what_was_planted_or_is_refused_by_name(
    plain: dict[str, str], data: st.DataObject
) -> None:
    plain = plain | {"model": plain.get("model") or "gpt-4o"}
    stored = dict(plain)
    for name in stored:
        for layer in range(data.draw(st.integers(0, 4))):
            key = data.draw(st.sampled_from([*KEYS, LOST]))
            encoding = data.draw(st.sampled_from(["url-safe", "standard", "gcm"]))
            stored[name] = seal(stored[name], key, encoding, layer)
    if data.draw(st.booleans()):
        stored["api_key"] = seal("sk-a****wxyz", SALT, "url-safe", 9)
        plain["api_key"] = "never this"
    read = Reading(Opener(KEYS))
    model = read_model(row(json.dumps(stored) if data.draw(st.booleans()) else stored), read)
    if isinstance(model, ProxyModel):
        assert model.params == plain
    else:
        assert [note.where for note in read.notes if note.outcome is Outcome.REFUSED] == [model.where]
        assert "'chat'" in notes(read)[-1]
