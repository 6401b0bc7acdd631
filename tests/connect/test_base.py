from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.connect.base import Home, Model, Wanted


def test_a_home_follows_the_variables_of_the_person() -> None:
    home = Home(Path("/srv/ann"), {"XDG_CONFIG_HOME": "/etc/ann", "CODEX_HOME": ""})
    assert home.config == Path("/etc/ann")
    assert home.of("CODEX_HOME", ".codex") == Path("/srv/ann/.codex")
    assert Home(Path("/srv/ann")).config == Path("/srv/ann/.config")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:4000", True),
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("https://x.invalid", False),
    ],
)
def test_a_server_of_this_machine_is_known(url: str, here: bool) -> None:
    wanted = Wanted(url, "", (Model("m"),))
    assert wanted.loopback is here and wanted.v1 == f"{url}/v1" and wanted.model.name == "m"
