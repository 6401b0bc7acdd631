"""A whole LiteLLM installation, but for its history: everything that has at most some ten thousand rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.config.readers.litellm.ciphertext import Opener, Trouble
from glowplug.moving.litellm import eras
from glowplug.moving.litellm.eras import Wanted
from glowplug.moving.litellm.rows import (
    audit,
    budgets,
    credentials,
    deleted,
    end_users,
    keys,
    models,
    organisations,
    settings,
    tags,
    teams,
    users,
)
from glowplug.moving.litellm.rows.audit import AuditEntry
from glowplug.moving.litellm.rows.budgets import Budget
from glowplug.moving.litellm.rows.credentials import Credential
from glowplug.moving.litellm.rows.deleted import Deleted
from glowplug.moving.litellm.rows.end_users import EndUser
from glowplug.moving.litellm.rows.keys import ReplacedKey, VirtualKey
from glowplug.moving.litellm.rows.models import ProxyModel
from glowplug.moving.litellm.rows.organisations import Organisation, OrganisationMember
from glowplug.moving.litellm.rows.settings import Setting
from glowplug.moving.litellm.rows.tags import Tag
from glowplug.moving.litellm.rows.teams import Membership, Team
from glowplug.moving.litellm.rows.users import User
from glowplug.moving.litellm.source import Source
from glowplug.moving.litellm.values import Reading, Refused

_T = TypeVar("_T")


@dataclass(frozen=True)
class Installation:
    """What is set up in it.  Spend logs and daily sums are read beside it: `read_logs`, `compare_days`."""

    source: str
    """User, host and database, for people."""
    era: str
    """About which version its schema is of."""
    models: tuple[ProxyModel, ...]
    credentials: tuple[Credential, ...]
    keys: tuple[VirtualKey, ...]
    replaced_keys: tuple[ReplacedKey, ...]
    deleted_keys: tuple[Deleted, ...]
    """What keys were called that only logs have any more."""
    deleted_teams: tuple[Deleted, ...]
    users: tuple[User, ...]
    """Without those that LiteLLM made for itself."""
    whole: User | None
    """The user whose budget is that of the whole installation, where there is one."""
    teams: tuple[Team, ...]
    memberships: tuple[Membership, ...]
    organisations: tuple[Organisation, ...]
    organisation_members: tuple[OrganisationMember, ...]
    budgets: tuple[Budget, ...]
    end_users: tuple[EndUser, ...]
    tags: tuple[Tag, ...]
    settings: tuple[Setting, ...]
    """Sections that beat its configuration file."""
    refused: tuple[Refused, ...] = ()
    """Models and credentials that cannot be used."""
    opened: Mapping[int, int] = field(default_factory=dict)
    """Which of the opener's keys → how many rows it opened something of.  More than one: the key changed some time."""
    forbidden: frozenset[str] = frozenset()
    """Tables that are read where that is allowed, and here it is not."""
    notes: tuple[Note, ...] = field(default=(), repr=False)

    @property
    def empty(self) -> bool:
        """Whether nobody ever set anything up."""
        return not (self.models or self.credentials or self.keys or self.users or self.teams or self.refused)

    @property
    def wrong_key(self) -> bool:
        """Whether there are encrypted rows and no key opened any of them: those that were given are not its keys."""
        locked = any(one.trouble is Trouble.LOCKED for row in self.refused for one in row.unreadable)
        return locked and not self.opened


def read_installation(source: Source, opener: Opener) -> Installation:
    """Everything that is set up, classified and in our words; what is odd is in `notes`.

    Raises StoreError when the database is lost on the way.
    """
    reading = Reading(opener)
    read = _Reader(source, reading)
    reading.notes.extend(eras.unread_notes(source.layout, source.filled()))
    aliases = dict(read.each(teams.ALIASES, teams.read_aliases))
    found_models = list(read.each(models.WANTED, models.read_model))
    found_credentials = list(read.each(credentials.WANTED, credentials.read_credential))
    found_users = list(read.each(users.WANTED, users.read_user))
    return Installation(
        source=source.name,
        era=source.layout.era,
        models=tuple(one for one in found_models if isinstance(one, ProxyModel)),
        credentials=tuple(one for one in found_credentials if isinstance(one, Credential)),
        keys=read.keys(),
        replaced_keys=read.those(keys.REPLACED, keys.read_replaced),
        deleted_keys=read.those(deleted.KEYS, deleted.read_deleted_key),
        deleted_teams=tuple(read.each(deleted.TEAMS, deleted.read_deleted_team)),
        users=tuple(user for user in found_users if not user.reserved),
        whole=next((user for user in found_users if user.id == users.PROXY_BUDGET), None),
        teams=tuple(read.each(teams.WANTED, lambda row, reading: teams.read_team(row, aliases, reading))),
        memberships=tuple(read.each(teams.MEMBERSHIPS, teams.read_membership)),
        organisations=tuple(read.each(organisations.WANTED, organisations.read_organisation)),
        organisation_members=tuple(read.each(organisations.MEMBERSHIPS, organisations.read_organisation_member)),
        budgets=tuple(read.each(budgets.WANTED, budgets.read_budget)),
        end_users=tuple(read.each(end_users.WANTED, end_users.read_end_user)),
        tags=tuple(read.each(tags.WANTED, tags.read_tag)),
        settings=read.those(settings.WANTED, settings.read_setting),
        refused=tuple(one for one in (*found_models, *found_credentials) if isinstance(one, Refused)),
        opened=dict(reading.opened),
        forbidden=source.layout.forbidden & eras.READ,
        notes=tuple(reading.notes),
    )


def read_audit(source: Source) -> Iterator[AuditEntry]:
    """Who changed what, the oldest first."""
    return _Reader(source, Reading(Opener())).each(audit.WANTED, audit.read_audit_entry)


class _Reader:
    """Rows of tables, through the functions that know what they mean."""

    def __init__(self, source: Source, reading: Reading) -> None:
        self._source = source
        self._reading = reading

    def each(self, wanted: Wanted, read: Callable[[Mapping[str, object], Reading], _T]) -> Iterator[_T]:
        return (read(row, self._reading) for row in self._source.rows(wanted))

    def those(self, wanted: Wanted, read: Callable[[Mapping[str, object], Reading], _T | None]) -> tuple[_T, ...]:
        """Without the rows that are nothing."""
        return tuple(one for one in self.each(wanted, read) if one is not None)

    def keys(self) -> tuple[VirtualKey, ...]:
        """Without logins of LiteLLM's page, which are counted."""
        found, sessions = [], 0
        for row in self._source.rows(keys.WANTED):
            sessions += keys.is_session(row)
            key = keys.read_key(row, self._reading)
            if key is not None:
                found.append(key)
        if sessions:
            self._reading.note(
                Outcome.LEFT, keys.WANTED.table, f"{sessions} logins at LiteLLM's page", "people log in here anew"
            )
        return tuple(found)
