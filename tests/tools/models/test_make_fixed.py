"""The untrained test models: what is in the files, and that files are the same each time."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf import GGUFReader

from tests.support.llamacpp import running
from tools.models import make_fixed

SCRIPT = Path(make_fixed.__file__)
WRITERS: list[Callable[[Path], object]] = [
    make_fixed.write_fixed_chat,
    make_fixed.write_loop,
    make_fixed.write_random,
    make_fixed.write_embed,
]


@pytest.mark.parametrize("write", WRITERS, ids=lambda w: w.__name__)
def test_a_file_is_small_free_and_the_same_each_time(write: Callable[[Path], object], tmp_path: Path) -> None:
    paths = [tmp_path / "a.gguf", tmp_path / "b.gguf"]
    for path in paths:
        write(path)
    assert len({hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}) == 1
    assert paths[0].stat().st_size < 1_000_000
    field = GGUFReader(paths[0]).get_field("general.license")
    assert field is not None
    assert field.contents() == "CC0-1.0"


def test_a_repeated_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="once only"):
        make_fixed.write_fixed_chat(tmp_path / "x.gguf", "a b a b")


@pytest.mark.parametrize(("dim", "layers"), [(64, 2), (256, 1)])
def test_the_reply_is_exact_at_any_size(dim: int, layers: int, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    reply = "Only these five words, nothing else."
    tokens = make_fixed.write_fixed_chat(tmp_path / "x.gguf", reply, dim=dim, layers=layers)
    with running(tmp_path / "x.gguf") as engine:
        answer = engine.chat("Say something.", temperature=1.0)
    assert answer["choices"][0]["message"]["content"] == reply
    assert answer["usage"]["completion_tokens"] == tokens


def test_the_loop_never_stops_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    make_fixed.write_loop(tmp_path / "x.gguf")
    with running(tmp_path / "x.gguf") as engine:
        choice = engine.chat("Go.", max_tokens=40)["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"].split()[14:18] == ["fifteen", "sixteen", "one", "two"]


def test_the_command_line_takes_a_size(tmp_path: Path) -> None:
    argv = [sys.executable, str(SCRIPT), "random", str(tmp_path / "big.gguf"), "--dim", "256", "--layers", "3"]
    subprocess.run(argv, check=True, capture_output=True)
    assert (tmp_path / "big.gguf").stat().st_size > 3_000_000
