"""The file that workers share."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.gateway.cache import Entry
from glowplug.gateway.cache_disk import DiskCache


def entry(body: bytes = b"x", stored: float = 100.0, *, stream: bool = False) -> Entry:
    return Entry(b"content-type: a\r\n", "m", stream, body, stored)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def disk(file: Path) -> Iterator[DiskCache]:
    cache = DiskCache(file, 1 << 20, 60.0)
    yield cache
    cache.close()


def test_another_worker_finds_it_and_a_restart_keeps_it(disk: DiskCache, file: Path) -> None:
    disk.put(b"n", entry(stream=True)).result()
    other = DiskCache(file, 1 << 20, 60.0)
    assert other.get(b"n", 110.0).result() == entry(stream=True)
    assert other.get(b"n", 161.0).result() is None
    assert other.get(b"absent", 110.0).result() is None
    other.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_oldest_make_room(file: Path) -> None:
    one = entry(b"x" * 1000)
    disk = DiskCache(file, 3 * one.size, 60.0)
    for number in range(65):
        disk.put(b"%d" % number, entry(b"x" * 1000, 100.0 + number / 100)).result()
    kept = [number for number in range(65) if disk.get(b"%d" % number, 101.0).result()]
    assert kept == [62, 63, 64]
    disk.close()


def test_a_file_that_is_no_database_is_no_cache(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    file.write_bytes(b"this is not a database, and long enough to be looked at" * 40)
    disk = DiskCache(file, 1 << 20, 60.0)
    with caplog.at_level(logging.ERROR):
        disk.put(b"n", entry()).result()
        assert disk.get(b"n", 100.0).result() is None
    assert disk.failures == 2
    assert caplog.text.count("requests go on without it") == 1
    disk.close()


def test_new_settings(disk: DiskCache) -> None:
    disk.put(b"n", entry()).result()
    disk.resize(1 << 20, 5.0)
    assert disk.get(b"n", 110.0).result() is None
