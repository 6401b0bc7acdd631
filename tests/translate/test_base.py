"""The rules that hold for every translation are tested over the table of them: tests/gateway/test_roads.py."""

from __future__ import annotations

import dataclasses

import pytest

from glowplug.translate.base import Asked, Untranslatable


def test_what_was_asked_does_not_change_under_way() -> None:
    asked = Asked(id="r1", model="m", created=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        asked.model = "other"  # type: ignore[misc]


def test_an_answer_without_sense_is_a_value_error() -> None:
    assert issubclass(Untranslatable, ValueError)
