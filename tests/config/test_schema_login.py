from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.load import Loaded, load
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.people import UserRole
from glowplug.errors import ConfigError
from glowplug.secret import Secret

from .conftest import Catalogue

TEXT = """
login:
  oidc:
    issuer: https://login.lab.example/realms/lab
    client_id: glowplug
    client_secret: secret:oidc
    allowed_domains: [Lab.Example]
    role_claim: groups
    admins: [models-admins]
    viewers: [ops]
"""


def loaded(path: Path, text: str, stored: Secret | str = "there is no secret") -> Loaded:
    file = path / "c.yaml"
    file.write_text(text)
    return load(file, env={}, engines=Catalogue(), secrets=lambda _name: stored)


def test_a_provider(tmp_path: Path) -> None:
    found = loaded(tmp_path, TEXT, Secret("hush"))
    assert found.resolved.oidc == OidcSettings(
        issuer="https://login.lab.example/realms/lab",
        client_id="glowplug",
        client_secret="hush",
        allowed_domains=("lab.example",),
        role_claim="groups",
        roles=(("models-admins", UserRole.ADMIN), ("ops", UserRole.VIEWER)),
    )
    assert "hush" not in repr(found.resolved.oidc)


def test_a_secret_that_is_not_there_does_not_stop_the_rest(tmp_path: Path) -> None:
    found = loaded(tmp_path, TEXT)
    assert found.resolved.oidc is not None and found.resolved.oidc.client_secret == ""


def test_without_one(tmp_path: Path) -> None:
    assert loaded(tmp_path, "login: {}").resolved.oidc is None


@pytest.mark.parametrize("more", ["admins: x", "client_id: y", "alow: x"])
def test_mistakes(tmp_path: Path, more: str) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, f"login:\n  oidc:\n    client_id: x\n    {more}\n")
