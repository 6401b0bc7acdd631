from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from glowplug.config.load import load
from glowplug.config.managed import ManagedFile
from glowplug.config.show import Shown
from glowplug.control.app import build_app
from glowplug.control.configuration import Configuration
from glowplug.control.doctoring import doctoring
from glowplug.control.events import Broadcaster
from glowplug.control.services import Services
from glowplug.domain.access import Role
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.route_plan import RoutePlan, RouteQuestion
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError, NotFound, Problem
from glowplug.paths import Paths
from glowplug.store.database import Database
from glowplug.usecases.backups import Backups
from glowplug.usecases.budgets import BudgetBook, State
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.config import Checked, Reloaded
from glowplug.usecases.config_file import ConfigFile
from glowplug.usecases.credentials import CredentialBook
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.leases import MemoryLeases
from glowplug.usecases.ledger import LedgerCheck
from glowplug.usecases.limits import LimitBook
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.managed import ManagedBook
from glowplug.usecases.models import Models
from glowplug.usecases.oidc import OidcLogin
from glowplug.usecases.passwords import Cost, Passwords
from glowplug.usecases.plan import Plans
from glowplug.usecases.requests import Requests
from glowplug.usecases.responses import ResponseBook
from glowplug.usecases.route import RoutePlans
from glowplug.usecases.standing import standing
from glowplug.usecases.status import Status, status
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.usage import Usage
from glowplug.usecases.users import UserBook
from tests.still_clock import StillClock
from tests.support.published import held
from tests.support.sqlite import opened
from tests.usecases.managers import CATALOG, FakeManager
from tests.usecases.planners import FakeLeases, FakePlanner
from tests.usecases.test_route import PLAN

PEPPER = b"p" * 32
CHEAP = Cost(memory=64, passes=1, lanes=1)


class FakeConfig:
    """A configuration file that is good until `bad`."""

    def __init__(self) -> None:
        self.bad = False
        self.reloads: list[bool] = []

    def shown(self) -> Shown:
        return Shown(path="/c.yaml", digest="", tree={"server": {"port": 4000}}, sources={})

    async def check(self) -> Checked:
        return Checked(ok=not self.bad, path="/c.yaml")

    async def reload(self, dry_run: bool = False) -> Reloaded:
        if self.bad:
            raise ConfigError("/c.yaml cannot be used", (Problem("models.x", "no such engine", line=3),))
        self.reloads.append(dry_run)
        return Reloaded(changed=("x",), revision=7, dry_run=dry_run)


class Control:
    """One control process's services, an admin key and a user key, and a client for each."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.clock = StillClock()
        self.manager = FakeManager()
        self.planner = FakePlanner()
        self.config = FakeConfig()
        self.events = Broadcaster()
        self.folds = 0
        self.told: list[int] = []
        self.published = 0
        self.directory = directory
        self.paths = Paths(directory / "state", directory / "state" / "run")
        self.paths.state.mkdir()
        self.states: dict[str, State] = {}
        self.budgets = BudgetBook(database, self.clock, self.publish_budgets, lambda: self.states)
        self.limits = LimitBook(database, self.publish)
        self.keys = KeyBook(database, PEPPER, self.clock, self.publish, self.budgets)
        self.users = UserBook(database, self.clock, self.publish, self.keys)
        self.teams = TeamBook(database, self.clock, self.publish, self.keys, self.users)
        self.changes = ChangeLog(database, self.clock, lambda: 1e9)
        self.keys.connect(lambda key: standing(key, self.users.find(key.user), self.teams.find(key.team)))
        self.credentials = CredentialBook(database, directory / "keyring.json", self.clock)
        self.credentials.connect(self.publish_budgets, dict)
        self.responses = ResponseBook(database, self.clock)
        self.logins = LoginBook(database, PEPPER, self.clock, Passwords(CHEAP), self.users.reload)
        self.provider: OidcSettings | None = None
        self.explained: list[RouteQuestion] = []
        self.ask_worker = self.explain
        self.services = Services(
            clock=self.clock,
            catalog=lambda: CATALOG,
            keys=self.keys,
            budgets=self.budgets,
            limits=self.limits,
            logins=self.logins,
            oidc=OidcLogin(database, self.logins, self.clock, lambda: self.provider),
            credentials=self.credentials,
            backups=Backups(database, self.paths, self.fold, self.clock, self.changes),
            managed=ManagedBook(directory / "managed.yaml", self.configuration(), self.credentials, log=self.changes),
            doctor=doctoring(self.paths, lambda: None, self.changes),
            users=self.users,
            teams=self.teams,
            changes=self.changes,
            usage=Usage(database, self.fold),
            models=Models(lambda: CATALOG, self.manager),
            ledger=LedgerCheck(
                database, directory / "journal", self.fold, lambda _worker: True, self.note_prices, self.told.append
            ),
            requests=Requests(database, self.fold),
            cancel=self.cancel,
            config=self.config,
            config_file=ConfigFile(self.configuration(), self.clock, self.changes),
            status=self.status,
            events=self.events,
            log_file=lambda name: directory / f"{name}.log",
            responses=self.responses,
            route_plans=RoutePlans(self.keys.usable, lambda question: self.ask_worker(question)),
            plans=Plans(lambda: CATALOG, self.planner),
            memory=self.planner,
            leases=MemoryLeases(FakeLeases(self.planner), self.planner),
        )
        self.app = build_app(self.services)
        self.admin_key = self.user_key = ""

    def configuration(self) -> Configuration:
        """The real one, over no file."""
        path, engines = self.directory / "managed.yaml", Catalogue()
        loaded = load(None, env={}, engines=engines, managed=ManagedFile(path))
        return Configuration(
            loaded, workers=1, env={}, engines=engines, events=self.events, clock=self.clock, managed=path
        )

    async def cancel(self, request: str) -> int:
        if request != "going":
            raise NotFound(f"no request {request!r} is in flight")
        return 1

    async def explain(self, question: RouteQuestion) -> RoutePlan:
        self.explained.append(question)
        return PLAN

    def publish(self) -> None:
        self.published += 1

    async def publish_budgets(self) -> None:
        self.published += 1

    async def note_prices(self) -> None:
        """There are none."""

    def fold(self) -> None:
        self.folds += 1

    def status(self) -> Status:
        now = self.clock.now
        return status(started_at=now - 5, now=now, revision=9, config_path="/c.yaml", stale="", workers=())

    async def make_keys(self) -> None:
        names = frozenset(CATALOG.names())
        self.admin_key = (await self.keys.create(NewKey(role=Role.ADMIN), names)).key or ""
        self.user_key = (await self.keys.create(NewKey(), names)).key or ""

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1:4000", headers=headers, event_hooks=held()
        )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = opened(tmp_path / "glowplug.db")
    yield database
    database.close()


@pytest.fixture
async def control(database: Database, tmp_path: Path) -> Control:
    control = Control(database, tmp_path)
    await control.make_keys()
    return control


@pytest.fixture
async def admin(control: Control) -> AsyncIterator[httpx.AsyncClient]:
    async with control.client(control.admin_key) as client:
        yield client


@pytest.fixture
async def user(control: Control) -> AsyncIterator[httpx.AsyncClient]:
    async with control.client(control.user_key) as client:
        yield client
