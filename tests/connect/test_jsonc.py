from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.readers.foreign import Value
from glowplug.connect.jsonc import merged, parse
from glowplug.errors import RequestError

WANTED: dict[str, Value] = {"env": {"URL": "http://h", "N": 1}, "model": "m"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "a": 1 // why\n}\n', '{\n  "a": 1, // why\n  "b": 2\n}\n'),
        ('{\n\t"a": 1,\n}\n', '{\n\t"a": 1,\n\t"b": 2\n}\n'),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ("{}", '{\n  "b": 2\n}'),
        ('{\n  // nothing yet\n}\n', '{\n  // nothing yet\n  "b": 2\n}\n'),
        ('{"b": 3, "b": 4}', '{"b": 3, "b": 2}'),
        ('{ "b" /* two */ : 3 }', '{ "b" /* two */ : 2 }'),
        ("", '{\n  "b": 2\n}\n'),
        ("// later\n", '// later\n{\n  "b": 2\n}\n'),
        ('{"b": 2}', '{"b": 2}'),
    ],
)  # fmt: skip
def test_a_member_is_put_in_where_it_belongs(text: str, expected: str) -> None:
    assert merged(text, {"b": 2}) == expected


def test_what_is_below_is_merged_and_what_is_no_mapping_is_replaced() -> None:
    text = merged(
        '{\n    "env": {\n        "URL": "old",\n        "KEEP": [1, {"x": null}]\n    },\n    "model": [1,2,],\n}',
        WANTED,
    )
    assert parse(text).value == {"env": {"URL": "http://h", "KEEP": [1, {"x": None}], "N": 1}, "model": "m"}
    assert '        "N": 1\n' in text
    assert merged(text, WANTED) == text


@pytest.mark.parametrize(
    "text", ["[1]", '{"a" 1}', '{"a": 1} x', '{"a": "b\n"}', "{a: 1}", '{"a": tru}', "[" * 200, '{"a"']
)
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"no JSON|nested"):
        merged(text, {"b": 2})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


def combined(one: object, other: object) -> object:
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: combined(one.get(name), value) for name, value in other.items()}
    return other


@given(OBJECTS, OBJECTS, st.sampled_from([None, 1, 4, "\t"]))
def test_any_object_is_merged_into_any(
    there: dict[str, Value], wanted: dict[str, Value], indent: int | str | None
) -> None:
    text = merged(json.dumps(there, indent=indent), wanted)
    assert json.loads(text) == combined(there, wanted)
    assert merged(text, wanted) == text
