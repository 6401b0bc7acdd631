from __future__ import annotations

import tomllib

import pytest

from glowplug.config.readers.foreign import Value
from glowplug.connect.toml_text import merged
from glowplug.errors import RequestError

WANTED: dict[str, Value] = {"model": "m", "model_providers": {"ours": {"url": "http://h", "wait": 5}}}
ADDED = 'model = "m"\n\n[model_providers.ours]\nurl = "http://h"\nwait = 5\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ADDED.replace("\n\n", "\n\n")),
        ("# mine\n", "# mine\n" + ADDED),
        ('model = "old"  # why\nx = 1', 'model = "m"\nx = 1\n\n[model_providers.ours]\nurl = "http://h"\nwait = 5\n'),
        (
            '[a]\nmodel = "theirs"\n',
            'model = "m"\n[a]\nmodel = "theirs"\n\n[model_providers.ours]\nurl = "http://h"\nwait = 5\n',
        ),
        (
            '"model" = "m"\n[model_providers."ours"] # here\nwait = 4\n\n[b]\n',
            '"model" = "m"\n[model_providers."ours"] # here\nwait = 5\nurl = "http://h"\n\n[b]\n',
        ),
        (ADDED, ADDED),
    ],
)
def test_lines_are_put_in_where_they_belong(text: str, expected: str) -> None:
    assert merged(text, WANTED) == expected
    assert merged(expected, WANTED) == expected
    tomllib.loads(expected)


def test_values_and_names_are_written_as_toml_has_them() -> None:
    said: dict[str, Value] = {"a b": 'q"\\\n\x7f', "t": True, "f": 1.5, "l": ["x", 1]}
    assert tomllib.loads(merged("", said)) == said


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(RequestError, match="no TOML"):
        merged("a = ", WANTED)
    with pytest.raises(RequestError, match="one line"):
        merged("", {"a": [{"b": 1}]})
