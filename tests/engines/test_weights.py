from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.engines.weights import Trouble, WeightsError, opened


def test_a_file_is_opened_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"12345")
    with opened(str(path), ".gguf") as (descriptor, size):
        assert (os.read(descriptor, 9), size) == (b"12345", 5)
        assert not os.get_inheritable(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize(
    ("name", "trouble", "words"),
    [
        ("none", Trouble.MISSING, "does not exist"),
        ("file/below", Trouble.MISSING, "does not exist"),
        ("folder", Trouble.UNREADABLE, "is a folder (name the .gguf file in it)"),
        ("pipe", Trouble.UNREADABLE, "is not a regular file"),
        ("x" * 300, Trouble.UNREADABLE, "File name too long"),
        ("nul\0", Trouble.UNREADABLE, "null byte"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, name: str, trouble: Trouble, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError) as caught, opened(f"{tmp_path}/{name}", ".gguf"):
        pass
    assert caught.value.trouble is trouble
    assert words in str(caught.value) and caught.value.hint
