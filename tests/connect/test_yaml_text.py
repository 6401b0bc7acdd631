from __future__ import annotations

import pytest

from glowplug.connect.base import Items
from glowplug.connect.yaml_text import merged
from glowplug.errors import RequestError

ROWS = Items("name", ({"name": "ours", "roles": ["chat"]},))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "model: m\nurl: http://h/v1\n"),
        ("# mine\na: 1", "# mine\na: 1\nmodel: m\nurl: http://h/v1\n"),
        ("model: old  # why\na: [1, 2]\n", "model: m  # why\na: [1, 2]\nurl: http://h/v1\n"),
        ("model:\nurl: 'http://h/v1'\n", "model: m\nurl: 'http://h/v1'\n"),
    ],
)
def test_names_at_the_top_are_set(text: str, expected: str) -> None:
    new = merged(text, {"model": "m", "url": "http://h/v1"})
    assert new.replace('"', "") == expected
    assert merged(new, {"model": "m", "url": "http://h/v1"}) == new


OURS = "  - name: ours\n    roles:\n      - chat\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", f"models:\n{OURS}"),
        ("models:\n", f"models:\n{OURS}"),
        ("models: # mine\nz: 1\n", f"models: # mine\n{OURS}z: 1\n"),
        ("models: []\nz: 1\n", f"models: \n{OURS}z: 1\n"),
        (
            "models:\n  - name: theirs  # mine\n    x: 1\nz: 1\n",
            f"models:\n  - name: theirs  # mine\n    x: 1\n{OURS}z: 1\n",
        ),
        ("models:\n- name: a", "models:\n- name: a\n- name: ours\n  roles:\n    - chat\n"),
        (
            "models:\n  - name: ours\n    old: 1\n\n  # next\n  - name: b\n",
            "models:\n  - name: ours\n    roles:\n      - chat\n\n  # next\n  - name: b\n",
        ),
    ],
)
def test_entries_of_a_list_take_their_place(text: str, expected: str) -> None:
    new = merged(text, {"models": ROWS})
    assert new == expected
    assert merged(new, {"models": ROWS}) == new


def test_a_file_may_be_a_list() -> None:
    assert merged("", ROWS) == "- name: ours\n  roles:\n    - chat\n"
    assert merged("# mine\n- name: b\n", ROWS) == "# mine\n- name: b\n- name: ours\n  roles:\n    - chat\n"


@pytest.mark.parametrize("text", ["{a: 1}", "- a", "a: b: c", "model: |\n  x\n", "model: [1]\n"])
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        merged(text, {"model": "m"})


@pytest.mark.parametrize("text", ["models: x\n", "models: [{name: b}]\n", "models: {a: 1}\n"])
def test_lists_in_one_line_are_refused(text: str) -> None:
    with pytest.raises(RequestError):
        merged(text, {"models": ROWS})
    with pytest.raises(RequestError):
        merged("a: 1\n", ROWS)
