from __future__ import annotations

from typing import Any

from glowplug.cli.moving_report import SHOWN, text


def told(**more: Any) -> dict[str, Any]:
    plain = {"source": "there", "into": "here", "dry_run": False, "changed": True, "copy": "", "sections": []}
    return {**plain, "secrets": [], "local": [], "notes": [], "warnings": [], **more}


def test_the_urgent_first_and_the_quiet_as_numbers() -> None:
    def note(outcome: str) -> dict[str, str]:
        return {"outcome": outcome, "where": f"at.{outcome}", "what": "x\x1b[2J", "why": "why", "hint": ""}

    notes = [note("taken"), note("left"), *[note("changed")] * (SHOWN + 1), note("refused")]
    lines = list(text(told(notes=notes), verbose=False))
    assert lines[1:4] == ["Not taken over (1):", "  at.refused: x[2J (why)", f"Different here ({SHOWN + 1}):"]
    assert lines[-3:] == [
        "  … and 1 more (--verbose lists them)",
        "Left behind: 1 (--verbose lists them)",
        "Taken as they are: 1 (--verbose lists them)",
    ]
    assert "  at.taken: x[2J (why)" in list(text(told(notes=notes), verbose=True))


def test_nothing_new_is_said() -> None:
    assert "Nothing is new: all of it is here already." in list(text(told(changed=False), verbose=False))
