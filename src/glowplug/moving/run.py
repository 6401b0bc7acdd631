"""An import from beginning to end: read, plan, carry out, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from glowplug.config.readers.foreign import Note
from glowplug.config.readers.litellm import LiteLLM, Overlay
from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.errors import StoreError
from glowplug.files import write_private
from glowplug.moving import apply
from glowplug.moving.audit import count_audit, move_audit
from glowplug.moving.begin import count_budgets, start_budgets
from glowplug.moving.history import Progress as Progress
from glowplug.moving.history import count_days, count_logs, move_days, move_logs
from glowplug.moving.litellm.installation import Installation, read_installation
from glowplug.moving.litellm.overlay import overlay_rows
from glowplug.moving.litellm.source import Source, open_source
from glowplug.moving.plan import Plan, make_plan
from glowplug.moving.provider_secrets import count_secrets, store_secrets
from glowplug.moving.report import Count, DayDifference, Report, line
from glowplug.paths import Paths
from glowplug.secret import Secret
from glowplug.store.database import Database


@dataclass(frozen=True)
class Options:
    """What the operator asked for."""

    database: Secret | None = None
    """`postgresql://…` of LiteLLM; None: the one its configuration names, and without that none."""
    keys: Sequence[Secret] = ()
    """To open its values with, in this order: the salt key, earlier ones.  Its master key is tried behind them."""
    random_secrets: bool = False
    """Long random text within what opens is a secret (`Opener`)."""
    dry_run: bool = False
    """Read and plan, write nothing."""
    history: bool = True
    """Take over what was used, too."""


@dataclass(frozen=True)
class Store:
    """An installation of ours that nobody runs on."""

    database: Database
    """Open."""
    paths: Paths
    pepper: bytes
    admin_key: Secret | None = None
    """The first admin key, to be shown once; None when there were keys already."""


@dataclass(frozen=True)
class Here:
    """An installation of ours that is only looked at; somebody may run on it."""

    connection: Connection
    """Reads only."""
    pepper: bytes


def import_litellm(
    options: Options,
    store: Store | Here | None,
    *,
    read: Callable[[Overlay], LiteLLM],
    place: Callable[[LiteLLM, bool], Sequence[Note]],
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Bring a LiteLLM installation over.

    `store`: where to (`glowplug.offline.offline`).  A dry run looks at what is `Here` (`glowplug.offline.look`), or has
    None where nothing is yet.
    `read` reads the operator's files with what the database lays over them (`config.readers.litellm.read`; empty text
    where there is no file); called twice.  `place` puts the document's providers, models and aliases where the server
    finds them and says what it did, or with True would do; called once, after the secrets it names are stored, and
    doing it again must change nothing.

    Every step may be done again: an import that was killed goes on when it is run again, and a second run changes only
    what changed at the source since.  Raises ConfigError, StoreError.
    """
    began, now = time.monotonic(), time.time()
    file = read(Overlay())
    address = options.database or file.database_url
    keys = (*options.keys, *((file.master_key,) if file.master_key else ()))
    run = _Run(options, store, place, progress, now)
    if address is None:
        run.settings(None, file)
    else:
        progress(Progress("reading"))
        with open_source(address) as source:
            installation = read_installation(source, Opener(keys, random_secrets=options.random_secrets))
            if installation.wrong_key:
                raise StoreError(
                    f"none of the keys that were given opens what {installation.source} has",
                    hint="give its LITELLM_SALT_KEY, or the master key that it had when the models were added",
                    code="source_key",
                )
            rows = overlay_rows(installation)
            litellm = read(Overlay(rows.settings, rows.models, rows.credentials))
            plan = run.settings(installation, litellm)
            if options.history:
                run.history(source, plan)
            run.begin(plan)
    return run.report(began)


class _Run:
    """One import under way, and what is to be reported of it."""

    def __init__(
        self,
        options: Options,
        store: Store | Here | None,
        place: Callable[[LiteLLM, bool], Sequence[Note]],
        progress: Callable[[Progress], None],
        now: float,
    ) -> None:
        self._store = store if isinstance(store, Store) and not options.dry_run else None
        self._here = store.connection if isinstance(store, Here) else None
        self._pepper = store.pepper if store else b"p" * 32
        self._dry_run = options.dry_run
        self._place = place
        self._progress = progress
        self._now = now
        self._counts: list[Count] = []
        self._notes: list[Note] = []
        self._days: tuple[DayDifference, ...] = ()
        self._by_reason: dict[str, int] = {}
        self._duplicates = 0
        self._source = self._era = ""
        if self._store is None and not options.dry_run:
            raise ValueError("only a dry run has no store to write to")

    def settings(self, installation: Installation | None, litellm: LiteLLM) -> Plan:
        """Secrets, the configuration, people and keys."""
        plan = make_plan(installation, litellm, self._pepper, self._now)
        self._source, self._notes = litellm.source, [*litellm.notes]
        if installation is not None:
            self._source, self._era = installation.source, installation.era
            self._notes.extend(installation.notes)
        self._notes.extend(plan.notes)
        store = self._store
        if store is not None:
            self._counts.append(
                store_secrets(litellm, plan.origin, store.database, store.paths, store.pepper, self._notes)
            )
        else:
            self._counts.append(count_secrets(litellm, plan.origin, self._here, self._pepper, self._notes))
        self._notes.extend(self._place(litellm, self._dry_run))
        self._progress(Progress("keys and people"))
        if store is not None:
            self._counts.extend(apply.store_people(plan, store.database, self._notes, self._now))
        else:
            self._counts.extend(apply.counted(plan, self._here, self._notes, self._now))
        return plan

    def history(self, source: Source, plan: Plan) -> None:
        """Requests, and the days that only have sums."""
        if self._store is None:
            logs = count_logs(source, self._here, plan.joins, self._progress)
            days = count_days(source, self._here, plan.joins)
            audit = count_audit(source, self._here)
        else:
            logs = move_logs(source, self._store.database, plan.joins, self._progress)
            self._progress(Progress("daily sums"))
            days = move_days(source, self._store.database, plan.joins)
            audit = move_audit(source, self._store.database)
        self._notes.extend((*logs.notes, *days.notes))
        for noun, moved in (("requests", logs), ("days of the past", days), ("audit entries", audit)):
            self._counts.append(Count(noun=noun, found=moved.found, new=moved.new, here=moved.found - moved.new))
        self._days, self._by_reason, self._duplicates = days.days, dict(days.by_reason), days.duplicates

    def begin(self, plan: Plan) -> None:
        """The budgets, as they stand there."""
        if self._store is None:
            self._counts.append(count_budgets(plan, self._here))
            return
        self._counts.append(start_budgets(plan, self._store.database, self._now))
        self._store.database.sync()

    def report(self, began: float) -> Report:
        """What is to be said, kept beside the database."""
        report = Report(
            source=self._source,
            era=self._era,
            dry_run=self._dry_run,
            seconds=round(time.monotonic() - began, 3),
            counts=tuple(self._counts),
            lines=tuple(map(line, dict.fromkeys(self._notes))),
            days=self._days,
            days_by_reason=self._by_reason,
            duplicates=self._duplicates,
        )
        if self._store is None:
            return report
        path = self._store.paths.state / f"import-{int(self._now)}.json"
        report = msgspec.structs.replace(report, file=str(path))
        write_private(path, report.to_json())
        return report
