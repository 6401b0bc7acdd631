"""What a run found, for people's eyes elsewhere: as values, and as JUnit's XML that CI systems read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from enum import StrEnum
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec


class Outcome(StrEnum):
    """How one check of the run ended."""

    OK = "ok"
    DOUBT = "doubt"
    """It works, but not quite as asked: a note, not a failure."""
    FAILED = "failed"
    SKIPPED = "skipped"


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check."""

    subject: str
    """A model, an alias, or `server`."""
    check: str
    outcome: Outcome
    seconds: float = 0.0
    first: float = 0.0
    """Seconds to the first byte of the answer."""
    detail: str = ""
    """What was seen, or why it failed."""
    served: str = ""
    """Who answered, where the server says so."""
    log: tuple[str, ...] = ()
    """The last lines of the engine's log, when it failed."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    server: str
    results: tuple[Result, ...]

    @property
    def failed(self) -> bool:
        return any(result.outcome is Outcome.FAILED for result in self.results)


def junit(run: Run) -> bytes:
    """One suite for each subject (https://github.com/testmoapp/junitxml)."""
    suites: dict[str, list[Result]] = defaultdict(list)
    for result in run.results:
        suites[result.subject].append(result)
    root = Element("testsuites", _counts(run.results) | {"name": f"glowplug smoke {run.server}"})
    for subject, results in suites.items():
        suite = SubElement(root, "testsuite", _counts(results) | {"name": subject})
        for result in results:
            case = SubElement(
                suite, "testcase", {"classname": subject, "name": result.check, "time": f"{result.seconds:.3f}"}
            )
            if result.outcome is Outcome.FAILED:
                SubElement(case, "failure", {"message": _clean(result.detail)}).text = _clean("\n".join(result.log))
            elif result.outcome is Outcome.SKIPPED:
                SubElement(case, "skipped", {"message": _clean(result.detail)})
            elif result.detail:
                SubElement(case, "system-out").text = _clean(result.detail)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root)


def _counts(results: Sequence[Result]) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(result.outcome is Outcome.FAILED for result in results)),
        "skipped": str(sum(result.outcome is Outcome.SKIPPED for result in results)),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _clean(text: str) -> str:
    """What XML can hold: no control characters but white space."""
    return "".join(char if char in "\t\n\r" or char >= " " else "\ufffd" for char in text if char not in "\ufffe\uffff")
