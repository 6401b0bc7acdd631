"""What reading a foreign configuration gives: our own document, its secrets, a note on everything that was met.

Readers are pure: text and environment in, `Foreign` out.  Whatever the document lacks of the source has a note that
says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from glowplug.secret import Secret

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
"""A value of a YAML or JSON document."""


class Outcome(StrEnum):
    """What became of one thing of the source."""

    TAKEN = "taken"
    """It means the same here."""
    CHANGED = "changed"
    """It is there, in another form or with another meaning; `why` says which."""
    LEFT = "left"
    """It has no counterpart here, or needs none."""
    REFUSED = "refused"
    """It could not be used, and what depends on it is not there either."""
    UPDATED = "updated"
    """It is here from an earlier import and became what the source has now; `why` says from what to what."""


@dataclass(frozen=True)
class Note:
    """One line of the report."""

    outcome: Outcome
    where: str
    """Where in the source: `model_list[3].litellm_params.rpm`, `LiteLLM_VerificationToken[ab12…]`."""
    what: str
    """What was found there, as a person would say it; never a secret."""
    why: str = ""
    """Why it was changed, left or refused; a sentence without its end."""
    hint: str = ""
    """What to do about it, when something can be done."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class LocalOffer:
    """A plain upstream of the source that is a local engine, which could be started and stopped by us."""

    model: str
    """The name the document has it under, as a plain upstream."""
    engine: str
    base_url: str
    managed: Mapping[str, Value]
    """The entry of `models:` it would be instead; without `path` when nobody knows the file."""
    why: str
    """What it was recognised by."""


@dataclass(frozen=True)
class Foreign:
    """A foreign configuration, read."""

    source: str
    """What it was, for people: `LiteLLM config.yaml`."""
    document: Mapping[str, Value]
    """Sections of our configuration file (`providers`, `models`, `aliases` …).  Secrets in it are `secret:NAME`."""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    """By the NAME in the document."""
    notes: tuple[Note, ...] = ()
    offers: tuple[LocalOffer, ...] = ()

    def refused(self) -> tuple[Note, ...]:
        return tuple(note for note in self.notes if note.outcome is Outcome.REFUSED)
