"""The ledger's rows.  An attempt only ever moves up: open, then interrupted, then closed.

Because of that order, folding a record twice, or late, or out of turn ends in the same row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from glowplug.domain.price import LOCAL, Tokens, attempt_cost
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome
from glowplug.store import prices, rollups, statements, usage_days
from glowplug.store.database import Database
from glowplug.store.lines import (
    CLOSED,
    CLOSED_COLUMNS,
    INTERRUPTED,
    OPEN,
    OPENED_COLUMNS,
    Rows,
    day_of,
    days_of,
)
from glowplug.store.tables import attempts, journal_cursor

_MOST_NAMES = 500
"""In one statement."""
_IDENTITY = ("request", "attempt")


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
            _move_cursor(connection, segment, position)

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
    if records:
        make = Rows(worker).opened
        statement = statements.insert(connection, attempts, OPENED_COLUMNS, "ON CONFLICT DO NOTHING")
        connection.exec_driver_sql(statement, [make(record) for record in records])
        usage_days.unmake(connection, days_of(records))


def add_closed(connection: Connection, worker: str, records: Sequence[AttemptClosed]) -> None:
    """Insert or complete attempts that ended; one that is closed already stays as it is."""
    ended: dict[tuple[str, int], AttemptClosed] = {}
    for record in records:
        ended.setdefault((record.request, record.attempt), record)
    sums: rollups.Sums = {}
    known = _states(connection, ended)
    if known:
        for identity in [one for one, state in known.items() if state == CLOSED]:
            ended.pop(identity, None)
        _take_back(connection, sums, [one for one, state in known.items() if state == INTERRUPTED and one in ended])
    if not ended:
        return
    make = Rows(worker).closed
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in CLOSED_COLUMNS if name not in _IDENTITY)
    statement = statements.insert(
        connection,
        attempts,
        CLOSED_COLUMNS,
        f"ON CONFLICT (request, attempt) DO UPDATE SET {changes} WHERE attempts.state <> '{CLOSED}'",
    )
    connection.exec_driver_sql(statement, [make(record) for record in ended.values()])
    rollups.count_closed(sums, ended.values())
    rollups.move(connection, sums)
    usage_days.unmake(connection, days_of(ended.values()))


def _states(connection: Connection, identities: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The states of those of these attempts that are known; and of others of the same requests."""
    names = list(dict.fromkeys(request for request, _ in identities))
    found: dict[tuple[str, int], str] = {}
    for start in range(0, len(names), _MOST_NAMES):
        some = tuple(names[start : start + _MOST_NAMES])
        places = statements.values(connection, len(some))
        query = f"SELECT request, attempt, state FROM attempts WHERE request IN ({places})"  # noqa: S608 - no values
        for request, attempt, state in connection.exec_driver_sql(query, some):
            found[request, attempt] = state
    return found


def _take_back(connection: Connection, sums: rollups.Sums, interrupted: Sequence[tuple[str, int]]) -> None:
    """These lines are about to say something else."""
    if interrupted:
        known = lines_of(connection, {request for request, _ in interrupted})
        for identity in interrupted:
            rollups.count(sums, known[identity], -1)


def _move_cursor(connection: Connection, segment: str, position: int) -> None:
    moved = "ON CONFLICT (segment) DO UPDATE SET position = excluded.position"
    statement = statements.insert(connection, journal_cursor, ("segment", "position"), moved)
    connection.exec_driver_sql(statement, (segment, position))


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
    usage_days.unmake(connection, (row["day"] for row in rows))
    return len(rows)


def lines_of(connection: Connection, requests: Iterable[str]) -> dict[tuple[object, object], RowMapping]:
    """The lines of these requests, by request and attempt."""
    names = sorted(requests)
    found: dict[tuple[object, object], RowMapping] = {}
    for start in range(0, len(names), _MOST_NAMES):
        query = select(attempts).where(attempts.c.request.in_(names[start : start + _MOST_NAMES]))
        found |= {(row["request"], row["attempt"]): row for row in connection.execute(query).mappings()}
    return found


def closed_figures(record: AttemptClosed) -> dict[str, object]:
    """What a closed line says of the attempt itself, before its energy is known."""
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
