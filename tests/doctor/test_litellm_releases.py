"""Which releases have which holes."""

from __future__ import annotations

import pytest

from glowplug.doctor.litellm_releases import holes_of, is_version, least_without, numbers


@pytest.mark.parametrize(("version", "count", "least"), [
    ("1.81.15", 2, "1.84.0"), ("1.82.6", 3, "1.84.0"), ("1.83.6", 2, "1.84.0"), ("1.83.7", 1, "1.84.0"),
    ("1.84.0rc1", 1, "1.84.0"), ("1.84.0", 0, ""), ("1.84.0.post1", 0, ""), ("1.109.1", 0, ""),
])  # fmt: skip
def test_holes(version: str, count: int, least: str) -> None:
    holes = holes_of(version)
    assert len(holes) == count
    assert not holes or least_without(holes) == least
    assert all("or later" in str(hole) for hole in holes)


def test_versions_are_compared() -> None:
    assert numbers("1.9") < numbers("1.10.0rc1") < numbers("1.10") and numbers("x") == (0, 0, 0, 0)
    assert is_version("1.2.3.dev4") and not is_version("one")
