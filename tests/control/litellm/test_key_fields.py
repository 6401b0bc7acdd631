from __future__ import annotations

import pytest

from glowplug.control.litellm import key_fields
from glowplug.control.litellm.key_fields import KeyFields
from glowplug.errors import RequestError


def test_words_for_all_models() -> None:
    for given in ((), ("all-proxy-models",), ("all-team-models", "x"), ("*",)):
        assert key_fields.models(given) == ()
    assert key_fields.models(("a", "b*")) == ("a", "b*")
    with pytest.raises(RequestError, match="no-default-models"):
        key_fields.models(("no-default-models",))


def test_how_long_a_key_lasts() -> None:
    assert [key_fields.lasts(text) for text in ("", "-1", "permanent", "1h")] == [None, None, None, 3600.0]


def test_tags_from_everywhere() -> None:
    wanted = KeyFields(tags=("a",), metadata={"tags": ["b", 3]}, budget_id="x")
    assert key_fields.tags(wanted) == ("a", "b", "3", "budget:x")


def test_a_budget_of_nothing_is_a_budget() -> None:
    assert key_fields.budget(KeyFields()) == ""
    assert key_fields.budget(KeyFields(max_budget=0)) == "0/total"
