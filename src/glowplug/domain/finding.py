"""What a doctor check reports, and the repair for it: findings and remedies as they are told to people and programs."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad it is; the worst first."""

    ERROR = "error"
    """Something does not work, or is lost, now."""
    WARNING = "warning"
    """It will go wrong, or it costs something all the time."""
    NOTE = "note"
    """Worth knowing; an installation with nothing but notes is healthy."""


class Group(StrEnum):
    """What a check looks at."""

    LITELLM = "litellm"
    MODELS = "models"
    MACHINE = "machine"
    OURSELVES = "ourselves"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as it should be."""

    check: str
    severity: Severity
    subject: str
    """What it is about: a file, a row, a model, a unit."""
    summary: str
    """What is wrong with it, as half a sentence that goes on after the subject."""
    evidence: tuple[str, ...] = ()
    """What was seen, a line each, with no secret in it."""
    consequence: str = ""
    """What comes of it, as a sentence."""
    advice: str = ""
    """What a person can do, where no remedy does it: a sentence, or the command."""


class StepView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a remedy, as it is previewed."""

    says: str
    """What is done to what, as a sentence without a full stop."""
    diff: str = ""
    """Lines that go and lines that come, as `diff -u` writes them; secrets are masked."""


class RemedyView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A previewed repair of all findings of one check that have one."""

    check: str
    steps: tuple[StepView, ...]
    risk: str = ""
    """What could go wrong, as a sentence; empty when nothing can."""
    reversible: bool = True
    goes_on: bool = False
    """It is the first of several parts, which are carried out one after the other; each can be undone."""


class Looked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one check found."""

    check: str
    title: str
    group: Group
    findings: tuple[Finding, ...] = ()
    remedy: RemedyView | None = None
    could_not: str = ""
    """Why it could not look; empty when it could."""
    skipped: str = ""
    """Why there was nothing to look at, such as an engine that nobody uses; empty when there was."""
    seconds: float = 0.0


class Repaired(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one remedy."""

    check: str
    undo: str = ""
    """The id by which it can be undone; empty when nothing was done, or it cannot be."""
    done: tuple[str, ...] = ()
    """The steps that were done, as sentences; those that found their work done are not among them."""
    failed: str = ""
    """Why it stopped; what was done by then is undone."""


class Examination(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of the doctor."""

    checks: tuple[Looked, ...]
    repaired: tuple[Repaired, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, the worst first."""
        order = list(Severity)
        found = [finding for looked in self.checks for finding in looked.findings]
        return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))
