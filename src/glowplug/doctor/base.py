"""What a check is: it gathers facts, judges them, and may have a remedy.

`gather` reads and never writes; `inspect` and `remedy` are pure functions of what it brought.  A remedy is made of the
actions of `glowplug.doctor.actions`, which know how to be done twice and how to be undone; so no check does or undoes
anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from glowplug.doctor.actions import Action
from glowplug.doctor.site import CouldNotLook, NothingToLookAt, Site
from glowplug.domain.finding import Finding, Group, RemedyView, StepView

F = TypeVar("F")


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A repair: what is done, in order, and what could go wrong."""

    actions: Sequence[Action]
    risk: str = ""
    """As a sentence; empty when nothing can."""
    goes_on: bool = False
    """It is a part: there is more of the same than one record should hold, and the check looks again after it."""

    def view(self, check: str) -> RemedyView:
        steps = tuple(StepView(says=action.says(), diff=action.diff()) for action in self.actions)
        return RemedyView(check=check, steps=steps, risk=self.risk, goes_on=self.goes_on)


class Check(Generic[F]):
    """One thing that can be wrong.  A subclass is one file of `glowplug.doctor.checks` and one row of the registry."""

    name: ClassVar[str]
    """How it is asked for: `litellm-sealed-fields`."""
    title: ClassVar[str]
    """What it makes sure of, as a sentence without a full stop: `Routing fields of LiteLLM's models are readable`."""
    group: ClassVar[Group]
    slow: ClassVar[bool] = False
    """It takes long (it reads whole files, or asks the network), so it runs only when asked for."""

    def gather(self, site: Site) -> F:
        """The facts.  Raises CouldNotLook, NothingToLookAt; GlowplugError and OSError are taken for the former."""
        raise NotImplementedError

    def inspect(self, facts: F) -> Sequence[Finding]:
        """What is wrong, the same for the same facts."""
        raise NotImplementedError

    def remedy(self, facts: F) -> Remedy | None:
        """The repair of what `inspect` finds in these facts, or None: a person has to decide."""
        return None


__all__ = ["Check", "CouldNotLook", "NothingToLookAt", "Remedy"]
