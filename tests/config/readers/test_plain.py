"""What words mean to the programs the files were written for."""

from __future__ import annotations

import pytest

from glowplug.config.readers.plain import read_plain, words_1_1
from glowplug.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("No", False), ("ON", True), ("off", False), ("yEs", "yEs"), ("~", None), ("", None),
        ("010", 8), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("-5", -5), ("1:30", 90), ("0b_", "0b_"),
        ("1e-6", "1e-6"), ("1.0e-6", 1e-6), ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("sk-1", "sk-1"),
        ("2024-08-01", "2024-08-01"), ("9" * 50, "9" * 50),
    ],
)  # fmt: skip
def test_unquoted_words_are_read_as_pyyaml_reads_them(text: str, value: object) -> None:
    found = words_1_1(text)
    assert found == value
    assert type(found) is type(value)


def test_lists_and_mappings_are_plain_values_and_quotes_make_text() -> None:
    plain = read_plain("a: [1, 'yes', no, {b: null}]\n2: x", "f", words_1_1)
    assert plain.values == {"a": [1, "yes", False, {"b": None}], "2": "x"}


def test_the_last_of_two_equal_names_stands_and_is_reported() -> None:
    plain = read_plain("a: 1\nb: {c: 1, c: 2}\na: 3\n", "f", words_1_1)
    assert plain.values == {"a": 3, "b": {"c": 2}}
    assert [(problem.path, problem.line) for problem in plain.repeated] == [("b.c", 2), ("a", 3)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model_list:\n  - model_name: 'gpt", "line 2"),
        ("- a", "line 1"),
        ('a: 1\nb: "\\0"', "line 2"),
        ('a: 1\n"x\\ud800": 2', "line 2"),
        ("a: *nobody", "line 1"),
        (b"a: \xff", "not UTF-8"),
        ("a: \ud800", "not UTF-8"),
        ("a: !!python/object:os.system x", "line 1"),
    ],
)
def test_what_is_no_yaml_is_an_error_with_its_line(text: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        read_plain(text, "config.yaml", words_1_1)
    assert caught.value.message.startswith("config.yaml: ")
    assert len(caught.value.problems) == 1
