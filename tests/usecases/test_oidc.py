from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from glowplug.domain.oidc import OidcSettings
from glowplug.domain.people import User, UserRole
from glowplug.errors import Forbidden, NotFound, UpstreamError
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.testing.fake_oidc import CLIENT, SECRET, WRONGS, FakeOidc, serving
from glowplug.usecases.logins import LoginBook
from glowplug.usecases.oidc import LASTS, OidcLogin
from glowplug.usecases.sessions import Opened
from tests.still_clock import StillClock

HERE = "http://127.0.0.1:4000"


class Rig:
    def __init__(self, database: Database, provider: FakeOidc) -> None:
        self.database = database
        self.provider = provider
        self.clock = StillClock()
        self.settings: OidcSettings | None = OidcSettings(
            issuer=provider.issuer, client_id=CLIENT, client_secret=SECRET, auto_create=True
        )
        self.book = LoginBook(database, b"p" * 32, self.clock)
        self.oidc = OidcLogin(database, self.book, self.clock, lambda: self.settings)

    def set(self, **more: object) -> None:
        assert self.settings is not None
        self.settings = msgspec.structs.replace(self.settings, **more)

    async def login(self, user: str = "", browser: str | None = None, **more: str) -> Opened:
        begun = await self.oidc.begin(HERE, user)
        back = self.provider.authorize(begun.url) | more
        given = begun.browser if browser is None else browser
        return await self.oidc.finish(back["state"], back["code"], back["iss"], given, "Fox")

    async def users(self) -> int:
        return int(await self.database.run(lambda c: c.exec_driver_sql("select count(*) from users").scalar()) or 0)


@pytest.fixture
def rig(database: Database) -> Iterator[Rig]:
    with serving(FakeOidc()) as provider:
        yield Rig(database, provider)


async def test_the_same_subject_is_the_same_user_whatever_the_address(rig: Rig) -> None:
    first = await rig.login()
    assert (first.user.email, first.user.role) == ("ann@lab.example", UserRole.MEMBER)
    rig.provider.claims |= {"email": "other@lab.example"}
    assert (await rig.login()).user.id == first.user.id
    rig.provider.claims |= {"sub": "f:1:bob", "email": "ann@lab.example"}
    other = await rig.login()
    assert other.user.id != first.user.id and other.user.email == "", "an address never makes somebody another"
    assert (await rig.book.sessions.resume(first.token.reveal(), None)).user == first.user.id


@pytest.mark.parametrize("wrong", WRONGS)
async def test_a_token_that_is_wrong_lets_nobody_in(rig: Rig, wrong: str) -> None:
    rig.provider.wrong = wrong
    with pytest.raises(Forbidden):
        await rig.login()
    assert await rig.users() == 0
    rig.provider.wrong = ""
    await rig.login()
    assert await rig.users() == 1


async def test_a_new_key_is_looked_up_but_not_again_and_again(rig: Rig) -> None:
    await rig.login()
    rig.provider.turn()
    with pytest.raises(Forbidden):
        await rig.login()
    rig.clock.now += 61
    await rig.login()
    assert sum(path.endswith("/certs") for path in rig.provider.seen) == 2


@pytest.mark.parametrize(
    ("browser", "more"),
    [("another", {}), ("", {}), (None, {"state": "another"}), (None, {"iss": "https://evil"}), (None, {"code": ""})],
)
async def test_what_comes_back_otherwise_than_it_was_sent(rig: Rig, browser: str | None, more: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        await rig.login(browser=browser, **more)
    assert await rig.users() == 0


async def test_a_code_without_its_verifier_and_a_state_twice_or_late(rig: Rig) -> None:
    begun, other = await rig.oidc.begin(HERE), await rig.oidc.begin(HERE)
    mine, theirs = rig.provider.authorize(begun.url), rig.provider.authorize(other.url)
    with pytest.raises(UpstreamError, match="400"):
        await rig.oidc.finish(mine["state"], theirs["code"], "", begun.browser, "")
    with pytest.raises(Forbidden):
        await rig.oidc.finish(mine["state"], mine["code"], "", begun.browser, "")
    rig.clock.now += LASTS
    with pytest.raises(Forbidden):
        await rig.oidc.finish(theirs["state"], theirs["code"], "", other.browser, "")


async def test_who_may_come_in(rig: Rig) -> None:
    rig.set(allowed_domains=("lab.example",))
    await rig.login()
    for claims in ({"email_verified": False}, {"email": "eve@evil.example"}, {"email": None}):
        rig.provider.claims |= {"sub": "eve", "email": "eve@lab.example", "email_verified": True} | claims
        with pytest.raises(Forbidden):
            await rig.login()
    rig.set(allowed_domains=(), auto_create=False)
    with pytest.raises(Forbidden):
        await rig.login()
    assert await rig.users() == 1


async def test_a_user_is_tied_once_and_then_found(rig: Rig) -> None:
    rig.set(auto_create=False)
    for number in (1, 2):
        await rig.database.run(lambda c, n=number: logins.add_user(c, User(id=f"u{n}")))
    assert (await rig.login("u1")).user.id == "u1"
    assert (await rig.login()).user.id == "u1"
    with pytest.raises(Forbidden, match="another user"):
        await rig.login("u2")
    await rig.database.run(lambda c: c.exec_driver_sql("update users set blocked_at = 1.0"))
    with pytest.raises(Exception, match="wrong"):
        await rig.login()


async def test_roles_come_from_a_claim_but_the_last_admin_stays(rig: Rig) -> None:
    rig.set(role_claim="realm_access.roles", roles=(("boss", UserRole.ADMIN), ("look", UserRole.VIEWER)))
    rig.provider.claims |= {"realm_access": {"roles": ["look", "boss", "x"]}}
    assert (await rig.login()).user.role is UserRole.ADMIN
    rig.provider.claims |= {"realm_access": {"roles": ["look"]}}
    assert (await rig.login()).user.role is UserRole.ADMIN
    await rig.database.run(lambda c: logins.add_user(c, User(id="u2", role=UserRole.ADMIN)))
    assert (await rig.login()).user.role is UserRole.VIEWER
    rig.provider.claims |= {"realm_access": "boss"}
    assert (await rig.login()).user.role is UserRole.MEMBER


@pytest.mark.parametrize(
    "documents", [{"issuer": "https://evil"}, {"token_endpoint": "http://lab.example/token"}, {"jwks_uri": 5}]
)
async def test_a_provider_that_is_not_what_it_should_be(rig: Rig, documents: dict[str, object]) -> None:
    rig.provider.documents = documents
    with pytest.raises(UpstreamError):
        await rig.oidc.begin(HERE)


async def test_without_a_provider(rig: Rig) -> None:
    rig.settings = None
    with pytest.raises(NotFound):
        await rig.oidc.begin(HERE)


async def test_whoever_has_users_in_memory_is_told_of_a_new_one(rig: Rig) -> None:
    seen: list[int] = []

    async def joined() -> None:
        seen.append(await rig.users())

    rig.book.joined = joined
    await rig.login()
    assert seen == [1]
