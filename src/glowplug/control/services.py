"""What the routes work with; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from glowplug.clock import Clock
from glowplug.control.doctoring import Doctoring
from glowplug.control.events import Broadcaster
from glowplug.domain.snapshot import Snapshot
from glowplug.usecases.backups import Backups
from glowplug.usecases.bodies import Bodies
from glowplug.usecases.budgets import BudgetBook
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.clients import Sighting
from glowplug.usecases.config import ConfigSource
from glowplug.usecases.config_file import ConfigFile
from glowplug.usecases.credentials import CredentialBook
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.leases import MemoryLeases
from glowplug.usecases.ledger import LedgerCheck
from glowplug.usecases.limits import LimitBook
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.managed import ManagedBook
from glowplug.usecases.memory import MemorySource
from glowplug.usecases.models import Models
from glowplug.usecases.oidc import OidcLogin
from glowplug.usecases.plan import Plans
from glowplug.usecases.rename import Renaming
from glowplug.usecases.requests import Requests
from glowplug.usecases.responses import ResponseBook
from glowplug.usecases.route import RoutePlans
from glowplug.usecases.status import Status
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.usage import Usage
from glowplug.usecases.users import UserBook


@dataclass(frozen=True)
class Services:
    """The use cases of one control process."""

    clock: Clock
    catalog: Callable[[], Catalog]
    """The configuration in force."""
    keys: KeyBook
    usage: Usage
    models: Models
    config: ConfigSource
    status: Callable[[], Status]
    events: Broadcaster
    log_file: Callable[[str], Path]
    """The log of a local model."""
    config_file: ConfigFile | None = None
    """The file of the configuration as text."""
    bodies: Bodies | None = None
    """The log of requests with their bodies."""
    scrape: Callable[[], Awaitable[bytes]] | None = None
    """The exposition of all figures."""
    ledger: LedgerCheck | None = None
    requests: Requests | None = None
    """What was asked; without a ledger both are None and their routes are not there."""
    cancel: Callable[[str], Awaitable[int]] | None = None
    """Ends a request by its id; None where there are no workers to ask."""
    budgets: BudgetBook | None = None
    limits: LimitBook | None = None
    route_plans: RoutePlans | None = None
    """Where requests would go; None where there are no workers to ask."""
    users: UserBook | None = None
    teams: TeamBook | None = None
    changes: ChangeLog | None = None
    """The audit log."""
    backups: Backups | None = None
    credentials: CredentialBook | None = None
    """Secrets of providers."""
    snapshot: Callable[[], Snapshot] | None = None
    """What workers serve from now: models with the prices that are in force."""
    responses: ResponseBook | None = None
    """Responses that are kept for clients; None where nothing is kept."""
    managed: ManagedBook | None = None
    """What is added at run time."""
    logins: LoginBook | None = None
    """How people get in; None where only keys do."""
    oidc: OidcLogin | None = None
    """Logging in with an identity provider; None where only passwords do."""
    renaming: Renaming | None = None
    doctor: Doctoring | None = None
    sightings: Callable[[], tuple[Sighting, ...]] = lambda: ()
    """Programs that came, the newest first."""
    plans: Plans | None = None
    memory: MemorySource | None = None
    leases: MemoryLeases | None = None
    """Where there is nobody who decides about memory, these are None and their routes are not there.  So are those of
    budgets and limits without their books."""
