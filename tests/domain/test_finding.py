"""Findings as they are told to programs."""

from __future__ import annotations

import msgspec

from glowplug.domain.finding import Examination, Finding, Group, Looked, Severity


def test_the_worst_comes_first_and_all_of_it_is_json() -> None:
    def finding(severity: Severity) -> Finding:
        return Finding(check="machine-x", severity=severity, subject=severity, summary="is odd")

    one = Looked(
        check="machine-x", title="All is well", group=Group.MACHINE,
        findings=(finding(Severity.NOTE), finding(Severity.ERROR), finding(Severity.WARNING)),
    )  # fmt: skip
    found = Examination(checks=(one,))
    assert [f.severity for f in found.findings] == [Severity.ERROR, Severity.WARNING, Severity.NOTE]
    assert msgspec.json.decode(msgspec.json.encode(found), type=Examination) == found
