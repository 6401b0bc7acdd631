"""Teams and who is in them, in the database.  Functions of one connection; `Database.run` gives them theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from glowplug.domain.people import Member, Team
from glowplug.store.tables import members, teams


def add(connection: Connection, team: Team) -> None:
    """Store a new team."""
    connection.execute(insert(teams).values(id=team.id, created_at=team.created_at, **_columns(team)))


def put(connection: Connection, team: Team) -> None:
    """Store a team in place of what its id had; when it was made stays."""
    connection.execute(update(teams).where(teams.c.id == team.id).values(**_columns(team)))


def every(connection: Connection) -> tuple[Team, ...]:
    """All of them, oldest first."""
    rows = connection.execute(select(teams).order_by(teams.c.created_at, teams.c.id)).mappings()
    return tuple(
        Team(
            id=row["id"],
            name=row["name"],
            models=tuple(row["models"]),
            created_at=row["created_at"],
            blocked_at=row["blocked_at"],
        )
        for row in rows
    )


def remove(connection: Connection, team_id: str) -> bool:
    """Forget a team and who was in it; False when there is no such."""
    connection.execute(delete(members).where(members.c.team == team_id))
    return connection.execute(delete(teams).where(teams.c.id == team_id)).rowcount == 1


def put_member(connection: Connection, member: Member) -> None:
    """Store a member in place of what was known of this person in this team."""
    remove_member(connection, member.team, member.user)
    connection.execute(
        insert(members).values(team=member.team, user=member.user, manager=member.manager, since=member.since)
    )


def every_member(connection: Connection) -> tuple[Member, ...]:
    """Who is in which team, by team, longest first."""
    rows = connection.execute(select(members).order_by(members.c.team, members.c.since, members.c.user)).mappings()
    return tuple(Member(team=row["team"], user=row["user"], manager=row["manager"], since=row["since"]) for row in rows)


def remove_member(connection: Connection, team_id: str, user_id: str) -> bool:
    """Take a person out of a team; False when they are not in it."""
    its = (members.c.team == team_id, members.c.user == user_id)
    return connection.execute(delete(members).where(*its)).rowcount == 1


def remove_user(connection: Connection, user_id: str) -> None:
    """Take a person out of every team."""
    connection.execute(delete(members).where(members.c.user == user_id))


def _columns(team: Team) -> dict[str, Any]:
    return {"name": team.name, "models": list(team.models), "blocked_at": team.blocked_at}
