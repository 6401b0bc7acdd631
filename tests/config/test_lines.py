"""YAML with lines: what is read, what is refused, and at which line."""

from __future__ import annotations

import time

import pytest

from glowplug.config.lines import MAX_BYTES, Mapping, Scalar, Sequence, Unreadable, dotted, plain_value, read_tree


def entry(node: object, key: str) -> tuple[int, object]:
    assert isinstance(node, Mapping)
    return node.entries[key]


def test_every_key_and_item_has_its_line() -> None:
    root, problems = read_tree(b"# first\na:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert problems == []
    line, a = entry(root, "a")
    assert (line, entry(a, "b")[0], entry(a, "c")[0]) == (2, 3, 4)
    items = entry(a, "c")[1]
    assert isinstance(items, Sequence)
    assert [item.line for item in items.items] == [5, 6]


@pytest.mark.parametrize("data", [b"", b"# only a comment\n", b"---\n", b"\xef\xbb\xbf", b"null\n", b"{}"])
def test_an_empty_text_is_an_empty_mapping(data: bytes) -> None:
    assert read_tree(data)[0].entries == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("true", True), ("False", False), ("yes", "yes"), ("on", "on"),
        ("12", 12), ("-3", -3), ("0x1F", 31), ("0o17", 15), ("017", 17), ("1_000", "1_000"), ("1.5", 1.5),
        ("1e3", 1000.0), (".5", 0.5), ("1.2.3", "1.2.3"), ("12:30", "12:30"), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_plain_scalars_are_read_by_the_core_schema(text: str, value: object) -> None:
    found = plain_value(text)
    assert found == value and type(found) is type(value)


def test_a_quoted_scalar_is_text() -> None:
    root, _ = read_tree(b"a: '12'\nb: \"true\"\nc: |\n  12\n")
    values = [node.value for _, node in root.entries.values() if isinstance(node, Scalar)]
    assert values == ["12", "true", "12\n"]


def test_a_duplicate_key_is_reported_with_both_lines_and_the_first_one_counts() -> None:
    root, (problem,) = read_tree(b"a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert (problem.path, problem.line) == ("a.b", 4)
    assert "line 2" in problem.message
    assert entry(entry(root, "a")[1], "b")[0] == 2


def test_anchors_and_merges_are_followed_and_own_keys_win() -> None:
    root, problems = read_tree(b"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [*x, {c: 4}]}\ns: &s v\nt: *s\n")
    assert problems == []
    y, z = entry(root, "y")[1], entry(root, "z")[1]
    assert {key: node.text for key, (_, node) in y.entries.items()} == {"a": "1", "b": "3"}  # type: ignore[attr-defined]
    assert set(z.entries) == {"a", "b", "c"}  # type: ignore[attr-defined]
    assert entry(root, "t")[1] == Scalar(5, "v")


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in range(97, 110)
)


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"a: [1\nb: 2\n", 2, "this is not YAML"),
        (b"a: {b: ${X}}\n", 1, 'put it in quotes: "${NAME}"'),
        (b"a: 1\n\tb: 2\n", 2, "this is not YAML"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        (b"a: 1\nb: \x00\n", 2, "U+0000"),
        (b"- a\n", 1, "must hold settings"),
        (b"text", 1, "must hold settings"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: !!python/object:os.system x\n", 1, "has no meaning here"),
        (b"a: !x y\n", 1, "has no meaning here"),
        (b"a: *b\n", 1, "*b stands for nothing"),
        (b"a: &a [*a]\n", 1, "*a stands for nothing"),
        (b"? [a]\n: b\n", 1, "a name must be a single word"),
        (b"a: {<<: 3}\n", 1, "<< takes a mapping"),
        (b'a: "\\UFFFFFFFF"\n', 0, "no meaning"),
        (b"[" * 3000, 1, "nested more than 32 deep"),
        (b"- " * 3000, 1, "nested more than 32 deep"),
        (BOMB, 5, "aliases counted in full"),
        (b"a: " + b"x" * MAX_BYTES, 0, "at most 4194304 are read"),
    ],
    ids=range(19),
)
def test_what_cannot_be_walked_is_refused_at_its_line_and_soon(data: bytes, line: int, words: str) -> None:
    began = time.process_time()
    with pytest.raises(Unreadable) as caught:
        read_tree(data)
    assert caught.value.problem.line == line
    assert words in str(caught.value.problem)
    assert time.process_time() - began < 5


def test_too_many_values_are_refused() -> None:
    with pytest.raises(Unreadable, match="more than 50000 names and values"):
        read_tree(b"a: &a [" + b"x," * 999 + b"x]\nb: [" + b"*a," * 60 + b"*a]\n")


def test_a_syntax_error_does_not_quote_the_text_around_it() -> None:
    with pytest.raises(Unreadable) as caught:
        read_tree(b"api_key: sk-secret: x\n")
    assert "sk-secret" not in str(caught.value.problem)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("server", "port"), "server.port"),
        (("models", "chat-3.1", "path"), 'models["chat-3.1"].path'),
        (("aliases", "a", "targets", 0), "aliases.a.targets[0]"),
        (("models", 'a"b\n'), 'models["a?b?"]'),
    ],
)
def test_dotted_paths_are_unambiguous(path: tuple[str | int, ...], text: str) -> None:
    assert dotted(path) == text
