"""LiteLLM's migrations: those that failed, those that are marked applied and are not, a client older than its schema.

The SQL of the migrations is read from the package `litellm-proxy-extras` of the installation, and what it makes is
compared with the tables that are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.foreign import ask, litellm_database, many, quoted
from glowplug.doctor.prisma import Columns, columns_made, fields, installed, lacking
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.eras import PREFIX
from glowplug.moving.litellm.source import Source

_HISTORY: Final = "_prisma_migrations"
_READ: Final = (
    "SELECT migration_name, finished_at IS NOT NULL, rolled_back_at IS NOT NULL, coalesce(logs, '')"
    " FROM {} ORDER BY started_at, migration_name"
)
_SHOWN: Final = 6
_LONGEST: Final = 200


@dataclass(frozen=True)
class Entry:
    """What the database says of one migration; of several tries the last, or the one that came to its end."""

    name: str
    finished: bool
    rolled_back: bool
    said: str = ""
    """What PostgreSQL said, or else the first line of what Prisma said."""

    @property
    def applied(self) -> bool:
        return self.finished and not self.rolled_back


@dataclass(frozen=True)
class Client:
    """The client that Prisma generates, which knows the columns of one schema."""

    folder: str
    """Of the package `prisma`."""
    schema: str
    """The file with LiteLLM's schema."""
    lacks: tuple[str, ...]
    """What LiteLLM's schema has and the client's copy has not."""
    generated: bool = True


@dataclass(frozen=True)
class Migrations:
    history: tuple[Entry, ...] | None
    """None: Prisma keeps none here, as after `prisma db push`."""
    tables: Columns
    hidden: frozenset[str]
    """Tables that may not be read."""
    package: str
    """The folder of `litellm_proxy_extras`; empty: there is none."""
    shipped: Mapping[str, str]
    """Name → SQL."""
    schema: Columns
    """What the code of the installation reads."""
    clients: tuple[Client, ...] = ()


class MigrationState(Check[Migrations]):
    """Half a migration: columns are missing that the code reads."""

    name = "litellm-migrations"
    title = "LiteLLM's migrations are complete, and its database client is generated from the same schema"
    group = Group.LITELLM

    def gather(self, site: Site) -> Migrations:
        with litellm_database(site) as source:
            history = _history(source)
            tables, hidden = source.layout.tables, source.layout.forbidden
        package = _newest(site)
        if history is None and package is None:
            raise NothingToLookAt("the database has no history of migrations, and no litellm_proxy_extras is installed")
        shipped = {} if package is None else _shipped(site, package)
        schema: Columns = {}
        if package is not None and site.real(package / "schema.prisma").is_file():
            schema = fields(site.text(package / "schema.prisma"))
        return Migrations(history, tables, hidden, str(package or ""), shipped, schema, tuple(_clients(site)))

    def inspect(self, facts: Migrations) -> Sequence[Finding]:
        found = [self._client(client) for client in facts.clients if client.lacks or not client.generated]
        if facts.history is None:
            return [*self._behind(facts), *found]
        return [*self._broken(facts), *self._half(facts), *self._pending(facts), *found]

    def _broken(self, facts: Migrations) -> Iterable[Finding]:
        """Tries that never came to an end."""
        assert facts.history is not None
        prisma = _command(facts.package)
        for entry in facts.history:
            if entry.applied:
                continue
            if entry.rolled_back:
                summary, advice = "was rolled back and never applied again", _deploy(facts.package)
            else:
                summary = "failed half way, or is still running"
                advice = (
                    f"When nothing runs: {prisma} migrate resolve --rolled-back {entry.name}{_schema(facts.package)},"
                    f" then {_deploy(facts.package)}"
                )
            yield Finding(
                check=self.name,
                severity=Severity.WARNING if entry.rolled_back else Severity.ERROR,
                subject=entry.name,
                summary=summary,
                evidence=(entry.said,) if entry.said else (),
                consequence="Prisma applies no later migration either (P3009): columns are missing that LiteLLM reads."
                if not entry.rolled_back
                else "What it makes is missing, unless something else made it.",
                advice=advice,
            )

    def _half(self, facts: Migrations) -> Iterable[Finding]:
        """Migrations that are marked applied and did not make what they make."""
        assert facts.history is not None
        applied = {entry.name for entry in facts.history if entry.applied}
        if max(applied, default="") > max(facts.shipped, default=""):
            return  # one by a newer release, which may have dropped what older ones made
        made = columns_made((name, text) for name, text in facts.shipped.items() if name in applied)
        missing: dict[str, list[str]] = {}
        for (table, column), name in made.items():
            if table not in facts.hidden and column not in facts.tables.get(table, frozenset()):
                missing.setdefault(name, []).append(f"{table}.{column}" if table in facts.tables else table)
        for name, places in sorted(missing.items()):
            names = sorted(set(places))
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=name,
                summary=f"is marked applied, and {_missing(len(names))} not there",
                evidence=_some(names),
                consequence="LiteLLM fails wherever it reads or writes these: logins and flushes answer 500.",
                advice=_mend(facts.package),
            )

    def _pending(self, facts: Migrations) -> Iterable[Finding]:
        """What the installation ships and the database has not seen."""
        assert facts.history is not None
        known = {entry.name for entry in facts.history}
        if pending := sorted(facts.shipped.keys() - known):
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=facts.package,
                summary=f"has {many(len(pending), 'migration')} that the database has not",
                evidence=_some(pending),
                consequence="The code reads columns that are not there.",
                advice=_deploy(facts.package),
            )

    def _behind(self, facts: Migrations) -> Iterable[Finding]:
        """Without a history the columns themselves are compared."""
        there = {**facts.tables, **{table: facts.schema.get(table, frozenset()) for table in facts.hidden}}
        if missing := lacking(facts.schema, there):
            yield Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=facts.package,
                summary=f"reads {len(missing)} columns and tables that the database has not",
                evidence=_some(missing),
                consequence="LiteLLM fails wherever it reads or writes these.",
                advice=_mend(facts.package),
            )

    def _client(self, client: Client) -> Finding:
        bin_ = _binary(client.folder)
        return Finding(
            check=self.name,
            severity=Severity.ERROR,
            subject=client.folder,
            summary=f"is older than the schema: it lacks {len(client.lacks)} columns and tables"
            if client.generated
            else "was never generated",
            evidence=_some(client.lacks),
            consequence="LiteLLM cannot use its database, or not all columns of it.",
            advice=f"PATH={Path(bin_).parent}:$PATH {bin_} generate --schema {client.schema}",
        )


def _history(source: Source) -> tuple[Entry, ...] | None:
    from psycopg import sql

    table = quoted(source.layout.schema, _HISTORY)
    if not ask(source, "SELECT to_regclass(%s) IS NOT NULL", (table,))[0][0]:
        return None
    found: dict[str, Entry] = {}
    query = sql.SQL(_READ).format(sql.Identifier(source.layout.schema, _HISTORY))
    for name, finished, rolled_back, logs in ask(source, query):
        if not (name in found and found[name].applied):
            found[name] = Entry(name, finished, rolled_back, said(logs))
    return tuple(found.values())


def said(logs: str) -> str:
    """The line of Prisma's report that says why."""
    lines = [line.strip() for line in logs.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("ERROR:")), lines[0] if lines else "")[:_LONGEST]


def _newest(site: Site) -> Path | None:
    """The package whose migrations go furthest: the one that would run them."""

    def last(package: Path) -> str:
        return max((path.name for path in site.glob(package / "migrations", "2*")), default="")

    return max(installed(site, "litellm_proxy_extras"), key=last, default=None)


def _shipped(site: Site, package: Path) -> dict[str, str]:
    files = site.glob(package / "migrations", "*/migration.sql")
    return {file.parent.name: site.text(file) for file in files}


def _clients(site: Site) -> Iterable[Client]:
    for folder in installed(site, "prisma"):
        beside = folder.parent
        wanted = (beside / "litellm" / "proxy" / "schema.prisma", beside / "litellm_proxy_extras" / "schema.prisma")
        schema = next((path for path in wanted if site.real(path).is_file()), None)
        if schema is None:
            continue  # somebody else's
        copy = folder / "schema.prisma"
        generated = site.real(copy).is_file()
        known = fields(site.text(copy)) if generated else {}
        lacks = lacking(_ours(fields(site.text(schema))), known) if generated else ()
        yield Client(str(folder), str(schema), lacks, generated)


def _ours(schema: Columns) -> Columns:
    return {table: columns for table, columns in schema.items() if table.startswith(PREFIX)}


def _missing(count: int) -> str:
    return "something that it makes is" if count == 1 else f"{count} things that it makes are"


def _some(names: Sequence[str]) -> tuple[str, ...]:
    more = len(names) - _SHOWN
    return (*names[:_SHOWN], *([f"… {more} more"] if more > 0 else []))


def _binary(package: str) -> str:
    """Prisma's program of the environment in which a package lies."""
    place = Path(package)
    environment = next((parent.parent for parent in place.parents if parent.name == "lib"), None)
    return "prisma" if environment is None else str(environment / "bin" / "prisma")


def _command(package: str) -> str:
    """For a shell in which DATABASE_URL is the address of the database."""
    return _binary(package) if package else "prisma"


def _schema(package: str) -> str:
    return f" --schema {package}/schema.prisma" if package else ""


def _deploy(package: str) -> str:
    return f"{_command(package)} migrate deploy{_schema(package)}"


def _mend(package: str) -> str:
    """What is missing as SQL, to be looked at first."""
    return (
        f'{_binary(package)} migrate diff --from-url "$DATABASE_URL" --to-schema-datamodel {package}/schema.prisma'
        ' --script > mend.sql; look at it; psql "$DATABASE_URL" -f mend.sql'
    )
