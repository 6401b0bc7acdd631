"""JUnit's XML can be read, whatever a model said."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from hypothesis import given
from hypothesis import strategies as st

from glowplug.smoke.report import Outcome, Result, Run, junit


def result(subject: str, outcome: Outcome, detail: str = "", *log: str) -> Result:
    return Result(subject=subject, check="chat", outcome=outcome, seconds=1.5, detail=detail, log=log)


def test_suites_by_subject() -> None:
    run = Run(server="http://x", results=(
        result("a", Outcome.OK, "4 tokens"), result("b", Outcome.FAILED, "status 500", "line 1", "line 2"),
        result("a", Outcome.SKIPPED, "busy"), result("b", Outcome.DOUBT, "no usage"),
    ))  # fmt: skip
    assert run.failed
    root = fromstring(junit(run))
    assert (root.get("tests"), root.get("failures"), root.get("skipped"), root.get("time")) == ("4", "1", "1", "6.000")
    assert [suite.get("name") for suite in root] == ["a", "b"]
    failure = root.find(".//failure")
    assert failure is not None and (failure.get("message"), failure.text) == ("status 500", "line 1\nline 2")
    assert not Run(server="x", results=(result("a", Outcome.DOUBT),)).failed


@given(st.text(), st.text())
def test_any_text_can_be_written(detail: str, line: str) -> None:
    detail = detail.encode(errors="replace").decode()
    line = line.encode(errors="replace").decode()
    fromstring(junit(Run(server="x", results=(result("a", Outcome.FAILED, detail, line),))))
