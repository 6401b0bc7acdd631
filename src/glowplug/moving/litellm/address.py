"""Where a LiteLLM database is: the address its operators write, made into what the PostgreSQL driver takes.

LiteLLM hands its `DATABASE_URL` to Prisma, whose addresses have parameters that libpq refuses.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from glowplug.errors import StoreError
from glowplug.secret import Secret

_SCHEMES = ("postgres", "postgresql")
_PRISMA_ONLY = frozenset(
    {"connection_limit", "pool_timeout", "pgbouncer", "socket_timeout", "statement_cache_size", "sslaccept"}
    | {"sslidentity", "max_connection_lifetime", "max_idle_connection_lifetime", "single_use_connections"}
)
_EXAMPLE = "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with odd characters of the password percent-encoded"


@dataclass(frozen=True)
class Address:
    parameters: Mapping[str, str]
    """For libpq, without the password."""
    password: Secret = field(repr=False)
    schema: str = ""
    """The schema that was named; empty: look for it."""

    def __str__(self) -> str:
        """Never the password: `litellm@db.internal:5432/litellm`."""
        user, host = self.parameters.get("user"), self.parameters.get("host", "localhost")
        port = "" if host.startswith("/") else ":" + self.parameters.get("port", "5432")
        return (f"{user}@" if user else "") + f"{host}{port}/{self.parameters.get('dbname', '')}"


def parse_address(url: str) -> Address:
    """The parts of `postgresql://…`; drivers' suffixes (`postgresql+asyncpg`) and Prisma's own parameters are ignored.

    Raises StoreError, whose message never has a part of the address in it.
    """
    try:
        parts = urlsplit(url.strip().strip("\"'"))
        port = parts.port
        query = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise StoreError("the address of the database cannot be read", hint=_EXAMPLE, code="source_address") from None
    if parts.scheme.partition("+")[0] not in _SCHEMES:
        raise StoreError("the address is not one of a PostgreSQL database", hint=_EXAMPLE, code="source_address")
    found = {
        "user": unquote(parts.username or ""),
        "host": unquote(parts.hostname or ""),
        "port": str(port or ""),
        "dbname": unquote(parts.path.removeprefix("/")),
    }
    found |= {name: value for name, value in query if name not in _PRISMA_ONLY and name not in ("schema", "password")}
    named = dict(query)
    return Address(
        {name: value for name, value in found.items() if value},
        Secret(unquote(parts.password or named.get("password", ""))),
        named.get("schema", ""),
    )
