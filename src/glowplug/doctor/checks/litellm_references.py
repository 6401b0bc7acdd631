"""Users, teams, organisations and budgets that are named in LiteLLM's database and are not there, the admin first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.foreign import ask, litellm_database, many, must_read
from glowplug.doctor.rows import RowChange, Rows, Texts
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.source import Source

if TYPE_CHECKING:
    from psycopg import sql

ADMIN: Final = "default_user_id"
"""Whom LiteLLM takes everybody for who comes with the master key."""
_PAGE: Final = "litellm-dashboard"
"""The team of logins at LiteLLM's page, which has no row."""
MOST: Final = 1_000
"""Names of one column that are kept."""
_SHOWN: Final = 5
_BY: Final = "glowplug"
_HOLDING: Final = """
SELECT count(*) FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = %s AND c.relname = %s
"""


class Kind(StrEnum):
    """What is named."""

    USER = "user"
    TEAM = "team"
    ORGANISATION = "organisation"
    BUDGET = "budget"


@dataclass(frozen=True)
class _Told:
    table: str
    column: str
    severity: Severity
    consequence: str
    advice: str


_TOLD: Final[Mapping[Kind, _Told]] = {
    Kind.USER: _Told(
        "LiteLLM_UserTable",
        "user_id",
        Severity.NOTE,
        "No limit of a user applies there, and LiteLLM's page does not show whose it is.",
        "Make the user again (POST /user/new with this user_id), or delete what names it.",
    ),
    Kind.TEAM: _Told(
        "LiteLLM_TeamTable",
        "team_id",
        Severity.WARNING,
        "No limit of a team applies there, or requests are refused, as the release has it.",
        "Make the team again (POST /team/new with this team_id), or give its keys another (POST /key/update).",
    ),
    Kind.ORGANISATION: _Told(
        "LiteLLM_OrganizationTable",
        "organization_id",
        Severity.WARNING,
        "No limit of an organisation applies there.",
        "Make the organisation again (POST /organization/new with this organization_id), or name another there.",
    ),
    Kind.BUDGET: _Told(
        "LiteLLM_BudgetTable",
        "budget_id",
        Severity.WARNING,
        "Nothing is limited where a limit was meant.",
        "Make the budget again (POST /budget/new with this budget_id).",
    ),
}


@dataclass(frozen=True)
class Link:
    """A column that names something."""

    table: str
    column: str
    kind: Kind
    many: bool = False
    """It is an array of ids, or of objects with a `user_id`."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


LINKS: Final = (
    Link("LiteLLM_VerificationToken", "user_id", Kind.USER),
    Link("LiteLLM_TeamMembership", "user_id", Kind.USER),
    Link("LiteLLM_OrganizationMembership", "user_id", Kind.USER),
    Link("LiteLLM_TeamTable", "members_with_roles", Kind.USER, many=True),
    Link("LiteLLM_TeamTable", "admins", Kind.USER, many=True),
    Link("LiteLLM_TeamTable", "members", Kind.USER, many=True),
    Link("LiteLLM_VerificationToken", "team_id", Kind.TEAM),
    Link("LiteLLM_TeamMembership", "team_id", Kind.TEAM),
    Link("LiteLLM_UserTable", "teams", Kind.TEAM, many=True),
    Link("LiteLLM_VerificationToken", "organization_id", Kind.ORGANISATION),
    Link("LiteLLM_TeamTable", "organization_id", Kind.ORGANISATION),
    Link("LiteLLM_UserTable", "organization_id", Kind.ORGANISATION),
    Link("LiteLLM_OrganizationMembership", "organization_id", Kind.ORGANISATION),
    Link("LiteLLM_VerificationToken", "budget_id", Kind.BUDGET),
    Link("LiteLLM_TeamMembership", "budget_id", Kind.BUDGET),
    Link("LiteLLM_OrganizationTable", "budget_id", Kind.BUDGET),
    Link("LiteLLM_OrganizationMembership", "budget_id", Kind.BUDGET),
    Link("LiteLLM_EndUserTable", "budget_id", Kind.BUDGET),
    Link("LiteLLM_TagTable", "budget_id", Kind.BUDGET),
)


@dataclass(frozen=True)
class Dangling:
    """What one column names, and nothing is."""

    link: Link
    rows: Mapping[str, int]
    """Id → how many rows name it."""
    more: int = 0
    """Ids beside these."""


@dataclass(frozen=True)
class References:
    schema: str
    dangling: tuple[Dangling, ...]
    admin: bool
    """Whether the admin's row is there."""
    admins: int
    users: int
    columns: Mapping[str, frozenset[str]]
    """Of the tables that get rows."""
    budgets_held: bool = False
    """Whether foreign keys name budgets: to delete one again, as undoing does, would change the rows that name it."""

    @property
    def admin_missed(self) -> tuple[str, ...]:
        """Who misses the admin's row; empty: nobody does."""
        if self.admin:
            return ()
        named = [
            f"{one.link} names it in {many(one.rows[ADMIN], 'row')}"
            for one in self.dangling
            if one.link.kind is Kind.USER and ADMIN in one.rows
        ]
        if not named and self.users and not self.admins:
            return (f"none of {many(self.users, 'user')} is a proxy_admin",)
        return tuple(named)


class MissingReferences(Check[References]):
    """What was restored in part, or deleted by SQL."""

    name = "litellm-references"
    title = "Users, teams, organisations and budgets that LiteLLM's rows name are there"
    group = Group.LITELLM

    def gather(self, site: Site) -> References:
        with litellm_database(site) as source:
            must_read(source, {told.table for told in _TOLD.values()} | {link.table for link in LINKS})
            found = (_dangling(source, link) for link in LINKS if source.layout.has(link.table, link.column))
            admin, admins, users = ask(source, _admins(source))[0]
            tables = source.layout.tables
            return References(
                source.layout.schema,
                tuple(one for one in found if one is not None),
                bool(admin),
                int(admins),
                int(users),
                {told.table: tables.get(told.table, frozenset()) for told in _TOLD.values()},
                bool(ask(source, _HOLDING, (source.layout.schema, _TOLD[Kind.BUDGET].table))[0][0]),
            )

    def inspect(self, facts: References) -> Sequence[Finding]:
        found = []
        if missed := facts.admin_missed:
            found.append(
                Finding(
                    check=self.name,
                    severity=Severity.WARNING,
                    subject=f"LiteLLM_UserTable: {ADMIN}",
                    summary="is the admin, and is not there",
                    evidence=missed,
                    consequence="Who comes with the master key is nobody: logging in at LiteLLM's page may fail.",
                )
            )
        for one in facts.dangling:
            names = {id: count for id, count in one.rows.items() if id != ADMIN or one.link.kind is not Kind.USER}
            if names:
                repaired = one.link.kind is Kind.BUDGET and not facts.budgets_held
                found.append(self._of(one, names, repaired=repaired))
        return found

    def _of(self, one: Dangling, names: Mapping[str, int], *, repaired: bool) -> Finding:
        told = _TOLD[one.link.kind]
        count = len(names) + one.more
        rest = count - min(len(names), _SHOWN)
        return Finding(
            check=self.name,
            severity=told.severity,
            subject=str(one.link),
            summary=f"names {many(count, one.link.kind.value)} that {'is' if count == 1 else 'are'} not there",
            evidence=(
                *(f"{id}: in {many(rows, 'row')}" for id, rows in list(names.items())[:_SHOWN]),
                *([f"… {rest} more"] if rest else []),
            ),
            consequence=told.consequence,
            advice="" if repaired else told.advice,
        )

    def remedy(self, facts: References) -> Remedy | None:
        actions = []
        if facts.admin_missed:
            row: Texts = {"user_id": ADMIN, "user_role": "proxy_admin", "spend": "0", "models": "{}", "teams": "{}"}
            actions.append(_new_rows(facts, Kind.USER, [row], f"make the admin's row {ADMIN} in LiteLLM_UserTable"))
        ids = {id: None for one in facts.dangling if one.link.kind is Kind.BUDGET for id in one.rows}
        if ids and not facts.budgets_held:
            rows: list[Texts] = [{"budget_id": id, "created_by": _BY, "updated_by": _BY} for id in ids]
            why = f"make {many(len(rows), 'budget')} without a limit, which is what applies now"
            actions.append(_new_rows(facts, Kind.BUDGET, rows, why))
        if not actions:
            return None
        return Remedy(
            actions=actions,
            risk="A budget that is made again limits nothing until somebody says how much. Undoing it deletes these"
            " rows again, with what LiteLLM has hung on them since.",
            goes_on=any(one.more for one in facts.dangling if one.link.kind is Kind.BUDGET),
        )


def _new_rows(facts: References, kind: Kind, rows: Sequence[Texts], why: str) -> Rows:
    told = _TOLD[kind]
    has = facts.columns[told.table]
    changes = tuple(
        RowChange(
            table=told.table,
            key={told.column: row[told.column]},
            before=None,
            after={name: value for name, value in row.items() if name in has},
        )
        for row in rows
    )
    return Rows(schema=facts.schema, changes=changes, why=why)


def _admins(source: Source) -> sql.Composed:
    from psycopg import sql

    return sql.SQL(
        "SELECT count(*) FILTER (WHERE user_id = {}), count(*) FILTER (WHERE user_role = 'proxy_admin'), count(*)"
        " FROM {}"
    ).format(sql.Literal(ADMIN), source.table(_TOLD[Kind.USER].table))


def _dangling(source: Source, link: Link) -> Dangling | None:
    from psycopg import sql

    told = _TOLD[link.kind]
    rows = ask(
        source,
        sql.SQL(
            "SELECT named.id, count(*), count(*) OVER () FROM {origin} WHERE named.id NOT IN ('', {page})"
            " AND NOT EXISTS (SELECT FROM {target} AS t WHERE t.{column} = named.id)"
            " GROUP BY 1 ORDER BY 1 LIMIT {most}"
        ).format(
            origin=_named(source, link),
            page=sql.Literal(_PAGE),
            target=source.table(told.table),
            column=sql.Identifier(told.column),
            most=sql.Literal(MOST),
        ),
    )
    if not rows:
        return None
    return Dangling(link, {row[0]: row[1] for row in rows}, rows[0][2] - len(rows))


def _named(source: Source, link: Link) -> sql.Composed:
    """A table `named` of the ids, one for each time that one is named."""
    from psycopg import sql

    table, column = source.table(link.table), sql.Identifier("r", link.column)
    if not link.many:
        return sql.SQL("(SELECT {}::text AS id FROM {} AS r) AS named").format(column, table)
    if link.column == "members_with_roles":
        list_ = sql.SQL("CASE jsonb_typeof({0}) WHEN 'array' THEN {0} ELSE '[]' END").format(column)
        return sql.SQL(
            "(SELECT e.value ->> 'user_id' AS id FROM {} AS r, jsonb_array_elements({}) AS e) AS named"
        ).format(table, list_)
    return sql.SQL("(SELECT e.id FROM {} AS r, unnest({}) AS e (id)) AS named").format(table, column)
