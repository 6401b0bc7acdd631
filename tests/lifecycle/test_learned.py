"""What earlier runs say about the next one, and how they are kept."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Source
from glowplug.lifecycle.learned import COUNTED, EDGE, KEPT, Run, RunBook, file_digest, footprint, key_of

GIB = 1 << 30


def run(device: int | None = 8000, host: int | None = 500, key: str = "k", **more: object) -> Run:
    values: dict[str, object] = {
        "key": key, "at": 1.0, "estimate_device": 9000, "estimate_host": 400, "source": Source.HEADER,
        "ready_device": device, "ready_host": host,
    }  # fmt: skip
    return Run(**(values | more))  # type: ignore[arg-type]


# ---- one run


def test_the_most_of_ready_and_peak_counts() -> None:
    assert (run(8, 5, peak_device=9, peak_host=4).device, run(8, 5, peak_device=9, peak_host=4).host) == (9, 5)
    assert run(None, None, peak_device=7).device == 7
    assert (run(None, None).device, run(None, None).host) == (None, None)


def test_by_how_much_an_estimate_was_off() -> None:
    assert run(7500).error == pytest.approx(0.2)
    assert run(10_000).error == pytest.approx(-0.1)
    assert run(None, None).error is None
    assert run(0, 0).error is None
    assert run(None, 9400).error == pytest.approx(0.0), "without an accelerator the host holds both parts"


# ---- what runs say


def test_one_run_has_a_bar_of_a_tenth_and_each_one_that_agrees_makes_it_shorter() -> None:
    bars = []
    for count in range(1, 9):
        found = footprint([run()] * count, "k")
        assert found is not None
        assert (found.device, found.host, found.source) == (8000, 500, Source.LEARNED)
        bars.append(found.error)
    assert bars[:4] == pytest.approx([0.10, 0.05, 0.10 / 3, 0.025])
    assert bars[4:] == [0.02] * 4
    assert footprint([run()], "k").detail == "1 run"  # type: ignore[union-attr]
    assert footprint([run()] * 9, "k").detail == f"{COUNTED} runs"  # type: ignore[union-attr]


def test_runs_that_disagree_make_the_bar_as_long_as_they_are_apart_and_the_largest_counts() -> None:
    found = footprint([run(8000), run(6000)], "k")
    assert found is not None and (found.device, found.error) == (8000, pytest.approx(0.25))
    found = footprint([run(8000, 1000), run(8000, 600)], "k")
    assert found is not None and (found.host, found.error) == (1000, pytest.approx(0.4))
    found = footprint([run(8000), run(10)], "k")
    assert found is not None and found.error == 0.5, "it has an end"


def test_one_odd_run_is_forgotten_after_enough_others() -> None:
    runs = [run(20_000), *[run(8000)] * (COUNTED - 1)]
    assert footprint(runs, "k").device == 20_000  # type: ignore[union-attr]
    found = footprint([*runs, run(8000)], "k")
    assert found is not None and (found.device, found.error) == (8000, 0.02)


def test_another_key_tells_nothing() -> None:
    assert footprint([run(key="old")], "k") is None
    assert footprint([], "k") is None
    mixed = [run(8000), *[run(99_999, key="old")] * COUNTED]
    assert footprint(mixed, "k").device == 8000  # type: ignore[union-attr]


def test_what_was_not_measured_tells_nothing() -> None:
    assert footprint([run(None, None)], "k") is None
    assert footprint([run(8000), run(None, None)], "k").error == pytest.approx(0.10)  # type: ignore[union-attr]


def test_a_policy_is_never_learned() -> None:
    assert footprint([run(source=Source.POLICY)] * 3, "k") is None
    found = footprint([run(7000), run(20_000, source=Source.POLICY)], "k")
    assert found is not None and found.device == 7000


def test_where_the_driver_did_not_say_it_is_not_learned_that_nothing_is_needed() -> None:
    silent = run(None, 3000)
    assert footprint([silent], "k", accelerators=True) is None
    assert footprint([silent], "k", accelerators=False).host == 3000  # type: ignore[union-attr]
    on_the_host = run(None, 3000, estimate_device=0)
    assert footprint([on_the_host], "k", accelerators=True).host == 3000  # type: ignore[union-attr]
    assert footprint([silent, run(8000)], "k", accelerators=True).device == 8000  # type: ignore[union-attr]


# ---- keys


def test_a_key_is_made_of_everything_that_matters_in_any_order() -> None:
    base = key_of("cmd", ["a", "b"], "build", ["x", "y"])
    assert key_of("cmd", ["b", "a"], "build", ["y", "x"]) == base
    others = {
        key_of("other", ["a", "b"], "build", ["x", "y"]), key_of("cmd", ["a"], "build", ["x", "y"]),
        key_of("cmd", ["a", "b"], "new", ["x", "y"]), key_of("cmd", ["a", "b"], "build", ["x"]),
        key_of("cmd", ["a", "b", "x"], "build", ["y"]), key_of("cmd", ["a", "b"], "build", ["x", "y", "y"]),
    }  # fmt: skip
    assert len(others) == 6 and base not in others


def test_the_digest_of_a_file_is_that_of_its_size_and_both_ends(tmp_path: Path) -> None:
    content = bytearray(os.urandom(EDGE * 4))
    file = tmp_path / "w"
    file.write_bytes(content)
    base = file_digest(file)
    moved = tmp_path / "elsewhere"
    moved.write_bytes(content)
    assert file_digest(moved) == base
    digests = {base}
    for change in (0, EDGE - 1, EDGE * 3, EDGE * 4 - 1):
        other = bytearray(content)
        other[change] ^= 1
        file.write_bytes(other)
        digests.add(file_digest(file))
    file.write_bytes(content[: EDGE * 3])
    digests.add(file_digest(file))
    file.write_bytes(content + content[-EDGE:])
    digests.add(file_digest(file))
    assert len(digests) == 7
    content[EDGE * 2] ^= 1
    file.write_bytes(content)
    assert file_digest(file) == base, "the middle is not read"


def test_a_small_an_empty_and_no_file_have_a_digest(tmp_path: Path) -> None:
    small, empty = tmp_path / "small", tmp_path / "empty"
    small.write_bytes(b"x")
    empty.touch()
    assert len({file_digest(small), file_digest(empty), "-"}) == 3
    assert file_digest(tmp_path / "none") == file_digest(tmp_path) == "-"


# ---- the book


def test_runs_are_kept_by_model_and_the_oldest_go(tmp_path: Path) -> None:
    book = RunBook(tmp_path)
    assert book.runs("a/b") == []
    for number in range(KEPT + 3):
        book.add("a/b", run(number))
    book.add("c", run(1))
    assert [each.device for each in RunBook(tmp_path).runs("a/b")] == list(range(3, KEPT + 3))
    assert len(list(tmp_path.iterdir())) == 2 and book.runs("c") == [run(1)]


def test_an_update_takes_the_place_of_the_last_run_only(tmp_path: Path) -> None:
    book = RunBook(tmp_path)
    book.add("a", run(1))
    book.add("a", run(2))
    book.update("a", run(2, peak_device=9))
    assert book.runs("a") == [run(1), run(2, peak_device=9)]
    book.update("new", run(3))
    assert book.runs("new") == [run(3)]


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b"[1]", b'[{"key": "k"}]', b"\xff\xfe", b"null"])
def test_a_file_that_cannot_be_read_is_as_good_as_none_and_is_written_anew(tmp_path: Path, content: bytes) -> None:
    book = RunBook(tmp_path)
    book.add("a", run())
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert book.runs("a") == []
    book.update("a", run(7))
    assert book.runs("a") == [run(7)]


def test_a_run_survives_the_file_as_it_is(tmp_path: Path) -> None:
    odd = run(None, 0, peak_device=5 * GIB, seconds=1.25, source=Source.ENGINE)
    assert msgspec.json.decode(msgspec.json.encode([odd]), type=list[Run]) == [odd]
    RunBook(tmp_path).add("a", odd)
    assert RunBook(tmp_path).runs("a") == [odd]


@pytest.mark.parametrize("there", [True, False])
def test_what_another_name_takes_over_can_be_taken_back(tmp_path: Path, there: bool) -> None:
    book = RunBook(tmp_path)
    book.add("old", run(7))
    if there:
        book.add("new", run(1))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    back = book.copy("old", "new")
    assert book.runs("new") == [run(7)]
    back()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    book.copy("nobody", "new")()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
