from __future__ import annotations

import pytest

from glowplug.secret import Secret, key_digest


def test_a_secret_is_not_printed() -> None:
    secret = Secret("sk-very-secret")
    shown = f"{secret} {secret!r} {[secret]} {{}}".format(secret)
    assert "very" not in shown
    assert secret.reveal() == "sk-very-secret"


def test_secrets_compare_by_value_and_only_with_secrets() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a")
    assert not Secret("")


def test_the_digest_depends_on_key_and_pepper() -> None:
    pepper = bytes(range(32))
    digest = key_digest(pepper, b"sk-gp-1")
    assert len(digest) == 32
    assert digest == key_digest(pepper, b"sk-gp-1")
    assert digest != key_digest(pepper, b"sk-gp-2")
    assert digest != key_digest(bytes(32), b"sk-gp-1")


def test_the_digest_stays_what_is_stored() -> None:
    stored = "5f1c554956a92c5a7eff477fb8aa290d6a9393f9b06a7d4a263b0d5a3108766a"
    assert key_digest(bytes(range(32)), b"sk-gp-1").hex() == stored


@pytest.mark.parametrize("pepper", [b"x" * 65])
def test_a_pepper_that_is_too_long_is_refused(pepper: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        key_digest(pepper, b"sk-gp-1")
