"""The vocabulary of the demo embedding model."""

from __future__ import annotations

from pathlib import Path

from gguf import GGUFReader

from tools.models import make_embed


def test_every_word_is_one_token_and_no_token_is_there_twice() -> None:
    tokens, subjects = make_embed.vocabulary()
    assert len(set(tokens)) == len(tokens)
    assert all(f"\u2581{word}" in tokens for word in subjects)


def test_any_text_can_be_spelled() -> None:
    tokens, _ = make_embed.vocabulary()
    assert all(c in tokens and f"\u2581{c}" in tokens for c in make_embed.CHARACTERS)


def test_the_shipped_file_is_what_the_script_writes(tmp_path: Path) -> None:
    from glowplug.demo import model_path

    make_embed.write_embed(tmp_path / "e.gguf")
    made, shipped = GGUFReader(tmp_path / "e.gguf"), GGUFReader(model_path("embed-demo"))
    assert [t.name for t in made.tensors] == [t.name for t in shipped.tensors]
    # Another processor or numpy may round the last bit differently.
    for a, b in zip(made.tensors, shipped.tensors, strict=True):
        assert abs(a.data.astype(float) - b.data.astype(float)).max() < 0.01
