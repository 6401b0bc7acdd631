from __future__ import annotations

import asyncio
from contextlib import aclosing
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


async def test_follow_gives_the_last_lines_then_new_ones(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "log")
    append(book.path, b"1\n2\n3\n")
    async with asyncio.timeout(20), aclosing(book.follow(2, every=0.001)) as lines:  # type: ignore[type-var]
        assert [await anext(lines), await anext(lines)] == ["2", "3"]
        append(book.path, b"4\n")
        assert await anext(lines) == "4"
        book.path.replace(tmp_path / "log.1")
        append(book.path, b"after a rotation\n")
        assert await anext(lines) == "after a rotation"


async def test_follow_can_begin_with_nothing(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "log")
    append(book.path, b"1\n")
    async with asyncio.timeout(20), aclosing(book.follow(0, every=0.001)) as lines:  # type: ignore[type-var]
        following = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        append(book.path, b"2\n")
        assert await following == "2"
