from __future__ import annotations

from glowplug.usecases.catalog import Catalog
from tests.usecases.managers import CATALOG


def test_the_names_are_those_clients_may_ask_for_models_before_aliases() -> None:
    assert list(CATALOG.names()) == ["local", "cloud", "unset", "chat-default"]
    assert list(Catalog().names()) == []
