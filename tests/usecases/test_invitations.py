from __future__ import annotations

import asyncio

import pytest

from glowplug.domain.access import Role
from glowplug.domain.caller import Caller
from glowplug.domain.people import UserRole
from glowplug.errors import Forbidden, RequestError
from glowplug.store.database import Database
from glowplug.usecases.invitations import Claim, NewInvitation, checked_email, invitation
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.passwords import Cost, Passwords
from glowplug.usecases.sessions import Opened
from tests.still_clock import StillClock

PEPPER = b"p" * 32
ADMIN = Caller(role=Role.ADMIN, user="root")


async def test_of_many_claims_at_once_one_is_good(database: Database) -> None:
    book = LoginBook(database, PEPPER, StillClock(), Passwords(Cost(memory=64, passes=1, lanes=1))).invitations
    made = await book.create(NewInvitation(role=UserRole.ADMIN), ADMIN)
    token = (made.link or "").partition("#")[2]
    claims = [Claim(token=token, email=f"u{n}@x", password="a few good words") for n in range(6)]
    done = await asyncio.gather(*(book.claim(claim, "") for claim in claims), return_exceptions=True)
    assert sum(isinstance(one, Opened) for one in done) == 1
    assert sum(isinstance(one, Forbidden) for one in done) == 5
    assert made.by == "root"


async def test_a_bad_token_is_refused_before_anything_is_hashed(database: Database) -> None:
    class NoHash(Passwords):
        async def hash(self, password: object) -> str:
            raise AssertionError("hashed")

    book = LoginBook(database, PEPPER, StillClock(), NoHash()).invitations
    with pytest.raises(Forbidden):
        await book.claim(Claim(token="x", email="a@x", password="a few good words"), "")


@pytest.mark.parametrize(
    "wanted",
    [NewInvitation(expires_in=0), NewInvitation(expires_in=8 * 86_400.0), NewInvitation(name="x" * 201),
     NewInvitation(name="a\nb"), NewInvitation(expires_in=float("nan"))],
)  # fmt: skip
def test_what_makes_no_invitation(wanted: NewInvitation) -> None:
    with pytest.raises(RequestError):
        invitation(wanted, "root", PEPPER, 1.0)


@pytest.mark.parametrize("email", ["", "a", "@x", "a@", "a b@x", "a@x\n.y", "x" * 250 + "@abcd"])
def test_what_is_no_address(email: str) -> None:
    with pytest.raises(RequestError):
        checked_email(email)


def test_addresses_are_kept_in_lower_case() -> None:
    assert checked_email(" Ann@X.Example ") == "ann@x.example"


def test_a_claim_does_not_show_what_it_has() -> None:
    assert "secret" not in repr(Claim(token="secret", password="secret"))
