from __future__ import annotations

import asyncio

import pytest

from glowplug.errors import LimitReached, RequestError
from glowplug.secret import Secret
from glowplug.usecases.passwords import COST, Cost, Passwords, checked_password

CHEAP = Cost(memory=64, passes=1, lanes=1)


async def test_a_hash_fits_its_password_only() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash(Secret("caf\u00e9 caf\u00e9 caf\u00e9"))
    assert stored.startswith(CHEAP.prefix)
    assert await passwords.check(Secret("cafe\u0301 caf\u00e9 caf\u00e9"), stored)
    assert not await passwords.check(Secret("cafe cafe cafe"), stored)
    assert await passwords.hash(Secret("caf\u00e9 caf\u00e9 caf\u00e9")) != stored


async def test_nobody_has_no_password() -> None:
    assert not await Passwords(CHEAP).check(Secret(""), None)


async def test_an_unknown_user_is_hashed_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.kdf import argon2

    checked: list[str] = []
    real = argon2.Argon2id

    class Counting:
        def __new__(cls, **given: object) -> object:
            return real(**given)  # type: ignore[arg-type]

        @staticmethod
        def verify_phc_encoded(key: bytes, phc: str) -> None:
            checked.append(phc)
            real.verify_phc_encoded(key, phc)

    passwords = Passwords(CHEAP)
    await passwords.prepare()
    monkeypatch.setattr(argon2, "Argon2id", Counting)
    await passwords.check(Secret("x"), None)
    assert len(checked) == 1 and checked[0].startswith(CHEAP.prefix)


async def test_costs_are_todays() -> None:
    assert COST.memory >= 19_456 and COST.passes >= 2
    stored = await Passwords(CHEAP).hash(Secret("x"))
    assert Passwords().outdated(stored) and not Passwords(CHEAP).outdated(stored)


async def test_a_flood_is_told_to_wait() -> None:
    passwords = Passwords(Cost(memory=1024, passes=2, lanes=1))
    stored = await passwords.hash(Secret("x"))
    asked = await asyncio.gather(*(passwords.check(Secret("x"), stored) for _ in range(30)), return_exceptions=True)
    refused = [one for one in asked if isinstance(one, LimitReached)]
    assert len(refused) == 22 and asked.count(True) == 8 and all(one.retry_after for one in refused)


@pytest.mark.parametrize("text", ["", "short", "x" * 11, "x" * 1025])
def test_what_is_no_password(text: str) -> None:
    with pytest.raises(RequestError):
        checked_password(Secret(text))


def test_length_is_the_only_rule() -> None:
    assert checked_password(Secret("x" * 12)) == Secret("x" * 12)
