"""The provider is good unless told otherwise, and wrong in the way it is told."""

from __future__ import annotations

import jwt
import pytest

from glowplug.testing.fake_oidc import WRONGS, FakeOidc


def token(provider: FakeOidc) -> str:
    return provider._token("n")


def test_a_good_token_verifies_with_the_published_key() -> None:
    provider = FakeOidc()
    (key,) = provider.answer("/realms/lab/protocol/openid-connect/certs", {})[1]["keys"]
    claims = jwt.decode(token(provider), jwt.PyJWK(key).key, algorithms=["RS256"], audience="glowplug")
    assert (claims["nonce"], claims["iss"]) == ("n", provider.issuer)


@pytest.mark.parametrize(("wrong", "alg"), [("alg_none", "none"), ("alg_hs256", "HS256"), ("aud", "RS256")])
def test_the_algorithms(wrong: str, alg: str) -> None:
    provider = FakeOidc()
    provider.wrong = wrong
    assert wrong in WRONGS and jwt.get_unverified_header(token(provider))["alg"] == alg


def test_a_code_is_good_once_and_unknown_paths_are_not_there() -> None:
    provider = FakeOidc()
    assert provider.answer("/realms/lab/protocol/openid-connect/token", {"code": "x"})[0] == 400
    assert provider.answer("/realms/lab/other", {})[0] == 404
