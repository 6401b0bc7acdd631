from __future__ import annotations

from typing import Any, cast

import click
import pytest

from glowplug.cli.client import Client
from glowplug.cli.scopes import scope_of, whose
from glowplug.errors import Conflict, NotFound


class Keys:
    """Two keys of one name, one of them revoked, and two that work."""

    def rows(self, _path: str) -> list[dict[str, Any]]:
        return [
            {"id": "1", "name": "a", "revoked_at": 5.0}, {"id": "2", "name": "a", "revoked_at": None},
            {"id": "3", "name": "b", "revoked_at": None}, {"id": "4", "name": "b", "revoked_at": None},
        ]  # fmt: skip


CLIENT = cast(Client, Keys())


def test_a_key_is_found_by_id_or_by_name() -> None:
    assert scope_of(CLIENT, {"scope_key": "3", "scope_user": ""}) == {"scope": "key", "name": "3"}
    assert scope_of(CLIENT, {"scope_key": "a"}) == {"scope": "key", "name": "2"}
    with pytest.raises(NotFound):
        scope_of(CLIENT, {"scope_key": "1"})
    with pytest.raises(Conflict, match="2 keys"):
        scope_of(CLIENT, {"scope_key": "b"})


def test_one_scope_or_everybody() -> None:
    assert scope_of(CLIENT, {"scope_team": ""}) == {"scope": "all", "name": ""}
    assert scope_of(CLIENT, {"scope_team": "1"}) == {"scope": "team", "name": "1"}
    with click.Context(click.Command("x")), pytest.raises(click.UsageError):
        scope_of(CLIENT, {"scope_team": "a", "scope_tag": "b"})
    assert whose({"scope": "all", "name": ""}) == "everybody"
    assert whose({"scope": "tag", "name": "x"}) == "tag x"
