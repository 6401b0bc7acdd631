"""What an import is going to do.  Pure: a LiteLLM installation and its configuration → rows of ours, and notes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.config.readers.litellm import LiteLLM
from glowplug.domain.access import ApiKey
from glowplug.domain.budget import UseLimit
from glowplug.domain.people import Member, Team, User
from glowplug.moving import plan_people
from glowplug.moving.identity import source_id
from glowplug.moving.lines import Joins
from glowplug.moving.litellm.installation import Installation
from glowplug.moving.litellm.values import NOT_SET
from glowplug.moving.plan_budgets import Given
from glowplug.moving.plan_keys import Keys, Models, master_key


@dataclass(frozen=True)
class Plan:
    """Everything but history, which is too long to be a value."""

    keys: tuple[ApiKey, ...] = ()
    users: tuple[User, ...] = ()
    teams: tuple[Team, ...] = ()
    members: tuple[Member, ...] = ()
    budgets: tuple[Given, ...] = ()
    limits: tuple[UseLimit, ...] = ()
    joins: Joins = field(default_factory=Joins)
    """What names in the history are here."""
    origin: str = ""
    """Stands for the source, so that a later import knows what this one brought; empty: nothing is remembered."""
    ends: frozenset[str] = frozenset()
    """Kinds of which the plan has all, so that what an earlier import brought and the plan has not is gone there."""
    notes: tuple[Note, ...] = ()


def make_plan(installation: Installation | None, litellm: LiteLLM, pepper: bytes, now: float) -> Plan:
    """`now`: Unix seconds."""
    notes: list[Note] = []
    master = master_key(litellm.master_key, pepper, now, notes)
    master_keys = (master,) if master else ()
    if installation is None:
        return Plan(keys=master_keys, notes=tuple(notes))
    notes.extend(_whole(installation))
    models = Models(installation, litellm.names)
    keys = tuple(Keys(installation, models, pepper, now, notes).all())
    allowances = plan_people.Allowances(installation, now, notes)
    known = {key.id for key in keys}
    return Plan(
        keys=(*keys, *(key for key in master_keys if key.id not in known)),
        users=tuple(plan_people.users(installation, now, notes)),
        teams=tuple(plan_people.teams(installation, models, now, notes)),
        members=tuple(plan_people.members(installation, now, notes)),
        budgets=tuple(allowances.given),
        limits=tuple(allowances.limits),
        joins=Joins(
            models=dict(litellm.models),
            names=dict(litellm.names),
            organisations={team.id: team.organisation for team in installation.teams if team.organisation},
            teams={key.id: key.team for key in keys if key.team},
            master=master.id if master else "",
        ),
        origin=source_id(installation.source),
        ends=_ends(installation),
        notes=tuple(_once(notes)),
    )


def _ends(installation: Installation) -> frozenset[str]:
    """Nothing of what may not be read, or of an installation that has nobody, is taken for gone.  A limit that makes no
    sense there is none, but none is taken away for that."""
    if installation.forbidden or not (installation.keys or installation.users or installation.teams):
        return frozenset()
    odd = any(note.why == NOT_SET for note in installation.notes)
    return frozenset(("users", "teams", "members", "keys") + (() if odd else ("budgets", "limits")))


def _whole(installation: Installation) -> Iterable[Note]:
    if installation.whole is not None and installation.whole.allowance.most is not None:
        yield Note(Outcome.TAKEN, f"LiteLLM_UserTable[{installation.whole.id}]", "the budget of the whole installation")
    for gone in (*installation.deleted_keys, *installation.deleted_teams):
        yield Note(Outcome.LEFT, gone.id[:12], f"what was deleted: {gone.name or 'without a name'}",
                   "its usage is taken over, under its id")  # fmt: skip


def _once(notes: Iterable[Note]) -> Iterable[Note]:
    return dict.fromkeys(notes)
