from __future__ import annotations

from glowplug.testing.litellm_seed import UNKNOWN_TABLE, seed
from tests.moving.postgres import Server, running


def test_two_seeds_of_one_layout_are_the_same() -> None:
    with running() as server:
        assert _models(server, "everything") == _models(server, "everything") != _models(server, "aes")


def _models(server: Server, layout: str) -> list[tuple[object, ...]]:
    with server.connect(server.litellm("1.82")) as connection:
        planted = seed(connection, layout)
        assert planted.traps["an unknown table"] == UNKNOWN_TABLE
        assert "a unique key of an older schema" in planted.traps
        query = 'SELECT model_id, litellm_params FROM "LiteLLM_ProxyModelTable" ORDER BY 1'
        return connection.execute(query).fetchall()
