from __future__ import annotations

import math
from typing import Any

import msgspec
import msgspec.inspect as shape
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.config.lines import Mapping, Node, Scalar, read_tree
from glowplug.config.schema import Defaults, Provider, Server
from glowplug.config.wording import exact_size, example, expected, said, what, written
from glowplug.domain.model import Cold
from glowplug.units import parse_duration, parse_size


def node(text: str) -> Node:
    root, _ = read_tree(f"k: {text}\n".encode())
    return root.entries["k"][1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("abc", "'abc'"),
        ("5", "the number 5"),
        ("0x1F", "the number 0x1F"),
        ("1.50", "the number 1.50"),
        ("yes", "'yes'"),
        ("true", "the word true"),
        ("", "nothing"),
        ("~", "nothing"),
        ("''", "empty text"),
        ('"5"', "'5'"),
        ("[1]", "a list"),
        ("{a: 1}", "a mapping"),
    ],
)
def test_what_was_found(text: str, words: str) -> None:
    assert what(node(text)) == words


def test_control_characters_are_not_repeated_raw() -> None:
    found = node('"\\e[31m\\0"')
    assert isinstance(found, Scalar)
    assert said(found).isprintable()


FIELDS = {
    (cls, field.encode_name): field
    for cls in (Server, Defaults, Provider)
    for field in shape.type_info(cls).fields  # type: ignore[attr-defined]
}


def unwrapped(kind: shape.Type) -> tuple[shape.Type, dict[str, Any]]:
    extra: dict[str, Any] = {}
    while isinstance(kind, shape.Metadata):
        extra |= kind.extra or {}
        kind = kind.type
    return kind, extra


@pytest.mark.parametrize(
    ("cls", "name", "words"),
    [
        (Server, "port", "a whole number"),
        (Server, "drain_timeout", "a duration such as 30s, 5m or 1h30m"),
        (Server, "host", "text"),
        (Defaults, "cold", "wait, cloud-while-cold or reject"),
    ],
)
def test_what_was_expected(cls: type, name: str, words: str) -> None:
    assert expected(*unwrapped(FIELDS[cls, name].type)) == words


def test_what_else_may_be_expected() -> None:
    assert expected(shape.IntType(), {"unit": "size"}) == "a size such as 512MiB or 14GiB"
    assert expected(shape.BoolType(), {}) == "true or false"
    assert expected(shape.StrType(), {"or_list": True}) == "text or a list of words"


@pytest.mark.parametrize(
    ("cls", "name", "words"),
    [
        (Server, "port", "for example port: 4000"),
        (Server, "hosts", "for example hosts: [my-box.lan]"),
        (Provider, "base_url", "for example base_url: https://api.openai.com/v1"),
        (Server, "workers", ""),
    ],
)
def test_examples(cls: type, name: str, words: str) -> None:
    assert example(FIELDS[cls, name]) == words


@given(st.integers(0, 1 << 50))
def test_a_size_reads_back_to_the_same_number(count: int) -> None:
    text = exact_size(count)
    assert (parse_size(text) if isinstance(text, str) else text) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, 0), (1000, 1000), (1024, "1KiB"), (64 << 20, "64MiB"), (3 << 30, "3GiB"), (1 << 19, "512KiB")],
)
def test_sizes(count: int, text: int | str) -> None:
    assert exact_size(count) == text


@given(st.integers(1, 10**7).map(lambda ms: ms / 1000))
def test_a_duration_reads_back_to_the_same_seconds(seconds: float) -> None:
    text = written(seconds, {"unit": "duration"})
    assert isinstance(text, str)
    assert math.isclose(parse_duration(text), seconds, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("value", "extra", "text"),
    [
        (math.inf, {"unit": "duration"}, -1),
        (300.0, {"unit": "duration"}, "5m"),
        (1.5, {}, 1.5),
        (1024, {"unit": "size"}, "1KiB"),
        (1024, {}, 1024),
        (Cold.WAIT, {}, "wait"),
        ((Cold.WAIT, Cold.REJECT), {}, ["wait", "reject"]),
        ("x", {}, "x"),
    ],
)
def test_values_are_written_as_in_the_file(value: object, extra: dict[str, Any], text: object) -> None:
    found = written(value, extra)
    assert (found, type(found)) == (text, type(text))


def test_a_node_of_another_kind_is_never_quoted() -> None:
    assert what(Mapping(1)) == "a mapping"
    assert msgspec.json.encode(said(Scalar(1, "é", quoted=False))) == "\"'é'\"".encode()
