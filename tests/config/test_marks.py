"""Where names and values begin and end."""

from __future__ import annotations

import pytest

from glowplug.config.marks import Mark, read_marks

TEXT = """\
# head
models:  # of mine
  one: {engine: llamacpp, path: "/m/a b.gguf"}  # flow

  two:
    text: |+
      hi

    # a comment inside
  three:
    - a
    - b  # last
  # behind three
aliases: &all
  chat: {targets: [one]}
more:
  <<: *all
  same: *all
"""


def cut(mark: Mark | None) -> str:
    assert mark is not None
    return TEXT[mark.start : mark.end]


def test_a_block_ends_where_its_last_value_ends() -> None:
    root = read_marks(TEXT)
    assert root is not None
    models = root.of("models")
    assert models is not None
    assert cut(models).endswith("- b")
    assert cut(models.of("one")) == '{engine: llamacpp, path: "/m/a b.gguf"}'
    assert cut(models.of("two")).endswith("hi\n\n")
    assert cut(models.of("three")) == "- a\n    - b"


def test_a_reference_has_its_own_place_and_the_entries_of_what_it_stands_for() -> None:
    root = read_marks(TEXT)
    assert root is not None
    more = root.of("more")
    assert more is not None
    assert [key.text for key, _ in more.all_entries()] == ["same", "chat"]
    assert cut(more.of("same")) == "*all"
    chat = more.of("chat")
    targets = chat.of("targets") if chat else None
    assert targets is not None
    assert [mark.text for mark in targets.scalars()] == ["one"]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_nothing_is_no_root(text: str) -> None:
    assert read_marks(text) is None


def test_a_name_without_a_value_is_empty() -> None:
    root = read_marks("models:\n# c\nother: ''\n")
    assert root is not None
    models, other = root.of("models"), root.of("other")
    assert models is not None and models.empty
    assert other is not None and not other.empty
