"""Every check has its row."""

from __future__ import annotations

from pathlib import Path

from tools.docs.checks import PAGE, pages

from glowplug.doctor.registry import ours


def test_every_check_has_a_row() -> None:
    text = pages(Path())[PAGE]
    for check in ours():
        assert text.count(f"| `{check.name}` | {check.title} |") == 1
