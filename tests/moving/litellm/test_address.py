from __future__ import annotations

import pytest

from glowplug.errors import StoreError
from glowplug.moving.litellm.address import parse_address


def test_an_address_is_taken_apart_and_shown_without_its_password() -> None:
    address = parse_address("postgresql://lite:p%40ss%2Fw%C3%B6rd@db.internal:6543/litellm?sslmode=require")
    assert address.password.reveal() == "p@ss/wörd"
    assert address.parameters == {
        "user": "lite",
        "host": "db.internal",
        "port": "6543",
        "dbname": "litellm",
        "sslmode": "require",
    }
    assert str(address) == "lite@db.internal:6543/litellm"
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://h/d",
        "postgresql+asyncpg://h/d",
        '"postgresql://h/d"\n',
        "postgresql://h/d?connection_limit=10&pool_timeout=60&pgbouncer=true&sslaccept=accept_invalid_certs",
    ],
)
def test_what_drivers_and_prisma_add_is_ignored(url: str) -> None:
    assert parse_address(url).parameters == {"host": "h", "dbname": "d"}


def test_the_schema_of_prisma_is_kept_apart() -> None:
    address = parse_address("postgresql://h/d?schema=lite&options=-cx")
    assert (address.schema, address.parameters["options"]) == ("lite", "-cx")
    assert "schema" not in address.parameters


def test_a_socket_and_a_password_in_the_query() -> None:
    address = parse_address("postgresql://me@/d?host=/run/pg&password=s3cret")
    assert (str(address), address.password.reveal()) == ("me@/run/pg/d", "s3cret")
    assert "password" not in address.parameters


@pytest.mark.parametrize("url", ["mysql://u:s3cret@h/d", "s3cret", "", "postgresql://u:s3cret@h:s3cret/d"])
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_address(url)
    assert "s3cret" not in str(caught.value)
    assert caught.value.code == "source_address"
    assert "postgresql://" in caught.value.hint
