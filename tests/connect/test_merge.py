from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.connect.base import Edit, Form, Items
from glowplug.connect.merge import apply, combined, read
from glowplug.errors import Conflict

PATH = Path("/srv/ann/x")


def test_each_form_is_merged() -> None:
    assert apply("", Edit(PATH, Form.JSON, {"a": 1})) == '{\n  "a": 1\n}\n'
    assert apply("", Edit(PATH, Form.TOML, {"a": 1})) == "a = 1\n"
    assert apply("", Edit(PATH, Form.YAML, {"a": 1})) == "a: 1\n"
    assert read("when = 2026-01-01\n", Form.TOML) is not None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form.JSON, "{"),
        (Form.TOML, 'a = """\n[b]\n"""\n'),
        (Form.TOML, "a = 1\nb.c = 2\n"),
        (Form.YAML, "a: &x 1\nb: *x\n"),
    ],
)
def test_what_would_not_say_what_is_wanted_is_left_alone(form: Form, text: str) -> None:
    with pytest.raises(Conflict, match="/srv/ann/x was not changed") as caught:
        apply(text, Edit(PATH, form, {"b": {"c": 3}}))
    assert "by hand" in caught.value.hint


def test_a_list_is_of_yaml_alone() -> None:
    with pytest.raises(Conflict):
        apply("", Edit(PATH, Form.JSON, Items("a", ({"a": 1},))))


def test_rows_replace_their_like() -> None:
    rows = Items("a", ({"a": 1, "b": 2}, {"a": 3}))
    assert combined([{"a": 1, "c": 0}, "x"], rows) == [{"a": 1, "b": 2}, "x", {"a": 3}]
    assert combined(None, {"l": rows}) == {"l": [{"a": 1, "b": 2}, {"a": 3}]}
