from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.usecases.logs import follow, tail


@given(lines=st.lists(st.text("ab ü", max_size=20), max_size=30), wanted=st.integers(0, 40), ended=st.booleans())
def test_the_tail_is_the_last_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], wanted: int, ended: bool
) -> None:
    path = tmp_path_factory.mktemp("logs") / "m.log"
    text = "\n".join(lines) + ("\n" if ended else "")
    path.write_text(text)
    kept = text.splitlines(keepends=True)[-wanted:] if wanted else []
    data, offset = tail(path, wanted)
    assert data.decode() == "".join(kept)
    assert offset == len(text.encode())


def test_long_logs_are_read_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    path.write_bytes(b"".join(b"%07d %s\n" % (n, b"x" * 90) for n in range(20_000)))
    data, _ = tail(path, 1500)
    assert [int(line[:7]) for line in data.splitlines()] == list(range(18_500, 20_000))


async def test_following_goes_on_over_growth_rotation_and_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    stream = follow(path, 10, poll=0.001)
    pending = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    path.write_bytes(b"one\n")
    assert await asyncio.wait_for(pending, 5) == b"one\n"
    with path.open("ab") as file:
        file.write(b"two\n")
    assert await asyncio.wait_for(anext(stream), 5) == b"two\n"
    path.rename(tmp_path / "m.log.1")
    path.write_bytes(b"three is longer than both\n")
    assert await asyncio.wait_for(anext(stream), 5) == b"three is longer than both\n"
    path.write_bytes(b"cut\n")
    assert await asyncio.wait_for(anext(stream), 5) == b"cut\n"
    await stream.aclose()  # type: ignore[attr-defined]
