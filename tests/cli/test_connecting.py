from __future__ import annotations

import pytest

from glowplug.cli.client import Address, Client
from glowplug.cli.connecting import chats_with, chosen, is_admin, models, new_key
from glowplug.connect.base import Model
from glowplug.errors import Conflict, NotFound, Unavailable
from tests.cli.fake_server import ADMIN, USER, FakeServer, Running

ROWS = [
    {"id": "embed", "capabilities": ["embeddings"]},
    {"id": "lab/*", "capabilities": ["chat"]},
    {"id": "chat-a", "capabilities": ["chat"], "context_window": 8192, "max_output_tokens": True},
    {"id": "chat-default", "capabilities": ["messages"]},
]


def test_without_a_name_it_is_the_one_for_chats() -> None:
    assert chosen(ROWS, ()) == (Model("chat-default"),)
    assert chosen(ROWS[:3], ()) == (Model("chat-a", 8192),)
    assert [row["id"] for row in ROWS if chats_with(row)] == ["chat-a", "chat-default"]
    with pytest.raises(NotFound, match="no model to chat with"):
        chosen(ROWS[:2], ())


def test_names_must_be_there() -> None:
    assert [model.name for model in chosen(ROWS, ("embed", "chat-a"))] == ["embed", "chat-a"]
    with pytest.raises(NotFound, match="chat-b") as caught:
        chosen(ROWS, ("chat-b",))
    assert "chat-a" in caught.value.hint


def test_nobody_is_asked_in_vain() -> None:
    client = Client(Address("http://127.0.0.1:9", ""))
    assert models(client, ("m",)) is None
    with pytest.raises(Unavailable):
        models(client, ())


def test_a_key_of_an_admin_is_known(running: Running, server: FakeServer) -> None:
    assert [is_admin(Client(Address(running.url, key))) for key in (ADMIN, USER, "")] == [True, False, False]


def test_a_key_is_made_and_a_taken_name_is_refused(running: Running, server: FakeServer) -> None:
    client = Client(Address(running.url, ADMIN))
    assert new_key(client, "codex") == ("key_3", "sk-gp-newsecret")
    with pytest.raises(Conflict, match="laptop already") as caught:
        new_key(client, "laptop")
    assert "rotate laptop" in caught.value.hint
