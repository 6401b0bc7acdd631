from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from glowplug.lifecycle.logs import RING, ROTATE_BYTES, LogBook, Tail


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_any_pieces_give_the_same_lines(tmp_path_factory: object) -> None:
    directory = tmp_path_factory.mktemp("logs")  # type: ignore[attr-defined]
    counter = iter(range(10_000))

    @given(st.lists(st.binary(max_size=12), max_size=8))
    def check(pieces: list[bytes]) -> None:
        path = directory / str(next(counter))
        tail, lines = Tail(path), []
        for piece in pieces:
            append(path, piece)
            lines += tail.read()
        *whole, rest = b"".join(pieces).split(b"\n")
        assert lines == [line.rstrip(b"\r").decode(errors="replace") for line in whole]
        assert tail.partial == rest.rstrip(b"\r").decode(errors="replace")

    check()


def test_the_ring_keeps_the_last_lines(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "log")
    assert book.last(10) == []
    append(book.path, b"".join(b"%d\n" % n for n in range(RING + 10)) + b"...")
    assert book.last(2) == [str(RING + 9), "..."]
    assert len(book.last(10_000)) == RING + 1
    assert book.last(0) == []


def test_a_launch_has_its_own_lines(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "log")
    append(book.path, b"old failure: out of memory\n")
    book.begin()
    append(book.path, b"new\nhalf")
    book.poll()
    assert book.of_launch() == ["new", "half"]
    book.resume()
    append(book.path, b" line\nmore\n")
    book.poll()
    assert book.of_launch() == ["half line", "more"]


def test_a_large_file_is_put_aside_at_a_launch_and_the_new_one_read(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "log")
    append(book.path, b"x" * ROTATE_BYTES + b"\nlast\n")
    book.begin()
    assert (tmp_path / "log.1").exists() and not book.path.exists()
    append(book.path, b"first\n")
    assert book.last(2) == ["last", "first"]
