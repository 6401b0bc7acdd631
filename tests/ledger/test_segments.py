from __future__ import annotations

import pytest

from glowplug.ledger.segments import order, pack_header, read_header, segment_name, worker_of


def test_names_tell_worker_and_age() -> None:
    name = segment_name("w0-12-345", 1_764_000_000_123, 7)
    assert name == "w0-12-345-1764000000123-7.gpj"
    assert worker_of(name) == worker_of(name + ".new") == "w0-12-345"
    names = [segment_name("w1-1-1", 5, n) for n in (10, 9, 1)] + [segment_name("w0-1-1", 50, 1)]
    assert [order(n)[1:] for n in sorted(names, key=order)] == [(50, 1), (5, 1), (5, 9), (5, 10)]


@pytest.mark.parametrize("name", ["README", "x.gpj", "w0-1-2.gpj.damaged", "a-1-1.gpj.damaged", "-1-1.gpjx"])
def test_other_files_are_nobodys(name: str) -> None:
    assert worker_of(name) is None


def test_a_header_is_read_back() -> None:
    header = read_header(pack_header("wörker"))
    assert (header.worker, header.committed, header.sealed) == ("wörker", 64, False)
