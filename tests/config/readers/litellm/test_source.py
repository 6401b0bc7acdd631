"""What stands where several say something."""

from __future__ import annotations

import pytest

from glowplug.config.readers.litellm.source import Overlay, Source, read_source
from glowplug.config.readers.notes import Notes
from glowplug.errors import ConfigError

FILES = {"models.yaml": "model_list: [{model_name: b}]\nlitellm_settings: {cache: true}\ninclude: [more.yaml]"}


def include(path: str) -> str:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[path]


def source(text: str, overlay: Overlay | None = None) -> tuple[Source, Notes]:
    notes = Notes()
    return read_source(text, "config.yaml", include, overlay or Overlay(), notes), notes


def test_included_lists_are_appended_and_everything_else_replaces() -> None:
    found, notes = source(
        "include: [models.yaml]\nmodel_list: [{model_name: a}]\nlitellm_settings: {cache: false, drop_params: true}"
    )
    assert [entry.value for entry in found.models] == [{"model_name": "a"}, {"model_name": "b"}]
    assert found.sections["litellm_settings"] == {"cache": True}
    assert "include" not in found.sections
    assert [note.where for note in notes.all()] == ["include[0]", "include"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("include: models.yaml", "include: must be a list"), ("include: [7]", "include[0]"),
     ("include: [gone.yaml]", "include[0]: gone.yaml cannot be read: No such file")],
)  # fmt: skip
def test_an_include_that_cannot_be_followed_is_an_error(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source(text)
    assert place in str(caught.value)


def test_without_a_way_to_read_them_includes_are_an_error() -> None:
    with pytest.raises(ConfigError, match="cannot be read from here"):
        read_source("include: [a]", "x", None, Overlay(), Notes())


def test_the_database_goes_over_the_file_but_null_and_empty_lists_do_not() -> None:
    text = "router_settings: {num_retries: 2, fallbacks: [{a: [b]}], nested: {x: 1, y: 2}}\n"
    text += "litellm_settings: {cache: true}"
    row = {"num_retries": None, "fallbacks": [], "nested": {"x": 5, "z": None}, "timeout": 9}
    found, notes = source(text, Overlay(settings={"router_settings": row, "general_settings": {"a": 1}}))
    assert found.sections["router_settings"] == {
        "num_retries": 2, "fallbacks": [{"a": ["b"]}], "nested": {"x": 5, "y": 2}, "timeout": 9,
    }  # fmt: skip
    assert found.sections["general_settings"] == {"a": 1}
    assert found.sections["litellm_settings"] == {"cache": True}
    assert notes.all() == ()


def test_a_setting_that_both_say_differently_is_told() -> None:
    overlay = Overlay(settings={"general_settings": {"alerting": ["email"]}})
    _, notes = source("general_settings: {alerting: [slack]}", overlay)
    assert [(note.where, note.outcome.value) for note in notes.all()] == [("general_settings.alerting", "changed")]


def test_variables_of_the_database_have_their_capital_name_too() -> None:
    found, _ = source("environment_variables: {A: file}", Overlay(settings={"environment_variables": {"a": "db"}}))
    assert found.sections["environment_variables"] == {"A": "db", "a": "db"}


def test_models_of_the_database_come_behind_those_of_the_file() -> None:
    overlay = Overlay(models=[{"model_id": "id-1", "model_name": "b"}], credentials=[{"credential_name": "c"}])
    found, _ = source("model_list: [{model_name: a}]", overlay)
    assert [(entry.where, entry.stored) for entry in found.models] == [
        ("model_list[0]", False), ("LiteLLM_ProxyModelTable[id-1]", True),
    ]  # fmt: skip
    assert [entry.where for entry in found.credentials] == ["LiteLLM_CredentialsTable[c]"]


def test_rows_that_cannot_be_written_down_are_refused_by_name() -> None:
    overlay = Overlay(models=[{"model_id": "bad\0", "model_name": "b"}], settings={"router_settings": {"x": "\ud800"}})
    found, notes = source("model_list: x", overlay)
    assert found.models == ()
    assert [note.where for note in notes.all()] == [
        "LiteLLM_Config[router_settings]", "model_list", "LiteLLM_ProxyModelTable[bad?]",
    ]  # fmt: skip
