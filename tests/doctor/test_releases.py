"""What a package index says, and which version is newer than which."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from glowplug.doctor.releases import newest, order


def index(*files: str, yanked: bool | str = False) -> bytes:
    return json.dumps({"files": [{"filename": name, "yanked": yanked} for name in files]}).encode()


def test_versions_in_their_order() -> None:
    versions = ["no version", "0.9", "0.10.0.dev1", "0.10", "0.10.0.post1", "0.10.1rc2", "0.10.1+here.1", "1.0a1", "1"]
    assert all(order(one) < order(next_) for one, next_ in pairwise(versions))
    assert order("0.10") == order("0.10.0") and order("0.10.1+here.1") == order("0.10.1")


def test_the_newest_stable_one() -> None:
    files = ("glowplug-0.9.tar.gz", "glowplug-0.10.0-py3-none-any.whl", "GlowPlug-0.2.zip", "glowplug-0.11rc1.tar.gz")
    assert newest(index(*files), "glowplug") == "0.10.0"
    assert newest(b'{"files": []}', "glowplug") == ""


def test_one_that_was_yanked_in_part_only() -> None:
    said = {
        "files": [
            {"filename": "glowplug-2.tar.gz", "yanked": ""},
            {"filename": "glowplug-3.tar.gz", "yanked": "it is broken"},
            {"filename": "glowplug-1.tar.gz", "yanked": True},
            {"filename": "glowplug-1-py3-none-any.whl"},
        ]
    }
    assert newest(json.dumps(said).encode(), "glowplug") == "1"
    assert newest(index("glowplug-2.tar.gz", yanked=True), "glowplug") == ""


@pytest.mark.parametrize("name", [
    "glowplug-9999999.0.tar.gz", f"glowplug-{'9.' * 5000}9.tar.gz", "glowplug-1!2.0.tar.gz", "glowplug-٣.0.tar.gz",
    "glowplug-\x1b[31m9.tar.gz", "glowplug-../9.tar.gz", "glowplug-9", "glowplug", "", "-", "other-9.0.tar.gz",
    "glowplug-extras-9.0.tar.gz", "glowplug-9.0.exe", "glowplug-1.2.3.4.5.6.7.tar.gz", "glowplug-9.0\n.tar.gz",
])  # fmt: skip
def test_absurd_files_are_no_releases(name: str) -> None:
    assert newest(index(name, "glowplug-0.1.tar.gz"), "glowplug") == "0.1"


@pytest.mark.parametrize("said", [
    b"", b"<html>", b"[]", b"{}", b'{"files": {}}', b'{"files": [1]}', b'{"files": [{"yanked": false}]}',
    b'{"files": [{"filename": 1}]}', b'{"files": [{"filename": "x", "yanked": 3}]}', b'{"files":' + b"[" * 200_000,
    b'{"files": [{"filename": "\xff"}]}', b'{"files": [', b"\0",
])  # fmt: skip
def test_an_answer_that_is_none(said: bytes) -> None:
    with pytest.raises(ValueError, match="not the JSON of a package index"):
        newest(said, "glowplug")
