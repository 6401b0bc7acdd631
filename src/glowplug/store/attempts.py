"""The ledger's rows.  An attempt only ever moves up: open, then interrupted, then closed.

Because of that order, folding a record twice, or late, or out of turn ends in the same row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from glowplug.domain.price import LOCAL, Tokens, attempt_cost
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome
from glowplug.store import prices, rollups
from glowplug.store.database import Database
from glowplug.store.tables import attempts, journal_cursor

OPEN, INTERRUPTED, CLOSED = "open", "interrupted", "closed"
_MOST_NAMES = 500
"""In one statement."""


def day_of(unix: float) -> str:
    """The UTC date of a time, as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")


class AttemptStore:
    """What the fold needs from the database (see `glowplug.ledger.fold.LedgerStore`); waits, so never on the loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self) -> dict[str, int]:
        """Segment name → bytes of it that are folded."""
        return self._database.call(
            lambda c: {row.segment: row.position for row in c.execute(select(journal_cursor))},
        )

    def absorb(
        self,
        worker: str,
        segment: str,
        position: int,
        opened: Sequence[AttemptOpened],
        closed: Sequence[AttemptClosed],
    ) -> None:
        """Insert the records of one segment up to `position` and move its cursor there, in one transaction."""

        def work(connection: Connection) -> None:
            add_opened(connection, worker, opened)
            add_closed(connection, worker, closed)
            _upsert(connection, journal_cursor, ["segment"], [{"segment": segment, "position": position}], OPEN)

        self._database.call(work)

    def open_workers(self) -> frozenset[str]:
        """Names of workers with attempts that are open."""
        query = select(attempts.c.worker).where(attempts.c.state == OPEN).distinct()
        return self._database.call(lambda c: frozenset(c.execute(query).scalars()))

    def settle(self, worker: str) -> int:
        """The open attempts of a worker that is gone become interrupted; returns how many."""
        return self._database.call(lambda c: settle(c, worker))

    def forget(self, segments: Iterable[str]) -> None:
        """Drop the cursors of segments that are deleted."""
        names = list(segments)
        if names:
            self._database.call(lambda c: c.execute(delete(journal_cursor).where(journal_cursor.c.segment.in_(names))))

    def sync(self) -> None:
        """Wait until everything that was stored is on the disk."""
        self._database.sync()


def add_opened(connection: Connection, worker: str, records: Sequence[AttemptOpened]) -> None:
    """Insert attempts that began; one that is known already stays as it is."""
    rows = [_opened_row(worker, record) for record in records]
    if rows:
        connection.execute(_insert(connection, attempts).on_conflict_do_nothing(), rows)


def add_closed(connection: Connection, worker: str, records: Sequence[AttemptClosed]) -> None:
    """Insert or complete attempts that ended; one that is closed already stays as it is."""
    rows: dict[tuple[object, object], dict[str, object]] = {}
    for record in records:
        rows.setdefault((record.request, record.attempt), _closed_row(worker, record))
    if not rows:
        return
    sums: rollups.Sums = {}
    known = lines_of(connection, {record.request for record in records})
    for identity, row in rows.items():
        old = known.get(identity)
        if old is not None and old["state"] == CLOSED:
            continue
        if old is not None and old["state"] == INTERRUPTED:
            rollups.count(sums, old, -1)
        rollups.count(sums, row)
    _upsert(connection, attempts, ["request", "attempt"], list(rows.values()), CLOSED)
    rollups.move(connection, sums)


def settle(connection: Connection, worker: str) -> int:
    """As `AttemptStore.settle`: each costs what the price it began with says of the prompt's estimate, or the latest of
    its model where that is not known (a release before wrote the record, or nobody has written the price down)."""
    mine = (attempts.c.state == OPEN, attempts.c.worker == worker)
    rows = connection.execute(select(attempts).where(*mine)).mappings().all()
    if not rows:
        return 0
    begun = prices.named(connection, {(row["model"], row["price"]) for row in rows})
    found = prices.latest(connection, {row["model"] for row in rows})
    sums: rollups.Sums = {}
    changes = []
    for row in rows:
        price = begun.get((row["model"], row["price"])) or found.get(row["model"])
        guess = Tokens(prompt=row["prompt_tokens"])
        cost = 0 if price is None else attempt_cost(price, guess, row["status"], row["started"])
        rollups.count(sums, {**row, "cost": cost})
        version = "" if price is None else LOCAL if price.energy else price.version
        changes.append({"r": row["request"], "a": row["attempt"], "nano": cost, "version": version})
    change = (
        update(attempts)
        .where(attempts.c.request == bindparam("r"), attempts.c.attempt == bindparam("a"))
        .values(
            state=INTERRUPTED, outcome=Outcome.INTERRUPTED.value, cost=bindparam("nano"), price=bindparam("version")
        )
    )
    connection.execute(change, changes)
    rollups.move(connection, sums)
    return len(rows)


def lines_of(connection: Connection, requests: Iterable[str]) -> dict[tuple[object, object], RowMapping]:
    """The lines of these requests, by request and attempt."""
    names = sorted(requests)
    found: dict[tuple[object, object], RowMapping] = {}
    for start in range(0, len(names), _MOST_NAMES):
        query = select(attempts).where(attempts.c.request.in_(names[start : start + _MOST_NAMES]))
        found |= {(row["request"], row["attempt"]): row for row in connection.execute(query).mappings()}
    return found


def _upsert(
    connection: Connection, table: Table, key: list[str], rows: Sequence[Mapping[str, object]], unless: str
) -> None:
    statement = _insert(connection, table)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in key}
    where = table.c.state != unless if "state" in table.c else None
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes, where=where), list(rows))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    # The same clause in both dialects, but SQLAlchemy has it on the dialect's own insert.
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _opened_row(worker: str, record: AttemptOpened) -> dict[str, object]:
    return {
        "state": OPEN,
        "worker": worker,
        **_figures(record),
        "duration": 0.0,
        "first_byte": 0.0,
        "status": 0,
        "outcome": "",
        "prompt_tokens": record.prompt_estimate,
        "completion_tokens": 0,
        "cached_tokens": 0,
        "estimated": True,
        "streamed": False,
        "cache_written": 0,
        "reasoning": 0,
        "prompt_audio": 0,
        "completion_audio": 0,
        "cost": 0,
        "price": record.price,
        "reason": "",
        "trace": "",
        "energy_mj": None,
    }


def _closed_row(worker: str, record: AttemptClosed) -> dict[str, object]:
    return {"state": CLOSED, "worker": worker, **closed_figures(record), "energy_mj": None}


def closed_figures(record: AttemptClosed) -> dict[str, object]:
    """What a closed line says of the attempt itself, before its energy is known."""
    return {
        **_figures(record),
        "duration": record.duration,
        "first_byte": record.first_byte,
        "status": record.status,
        "outcome": record.outcome.value,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "cached_tokens": record.cached_tokens,
        "estimated": record.estimated,
        "streamed": record.streamed,
        "cache_written": record.cache_written,
        "reasoning": record.reasoning,
        "prompt_audio": record.prompt_audio,
        "completion_audio": record.completion_audio,
        "cost": record.cost,
        "price": record.price,
        "reason": record.reason,
        "trace": record.trace,
    }


def _figures(record: AttemptOpened | AttemptClosed) -> dict[str, object]:
    """What is known of an attempt from its beginning."""
    return {
        "request": record.request,
        "attempt": record.attempt,
        "day": day_of(record.started),
        "key": record.key,
        "asked": record.asked,
        "model": record.model,
        "path": record.path,
        "started": record.started,
        "user": record.user,
        "team": record.team,
        "tags": list(record.tags),
    }
