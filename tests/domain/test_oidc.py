from __future__ import annotations

from glowplug.domain.oidc import OidcSettings


def test_settings_do_not_show_the_secret() -> None:
    assert "hush" not in repr(OidcSettings(issuer="https://i", client_id="c", client_secret="hush"))
