from __future__ import annotations

import pytest

from glowplug.cli import top_facts
from glowplug.cli.client import Address, Client
from glowplug.errors import Unavailable
from tests.cli.fake_server import ADMIN, FakeServer, Running


def test_a_look_is_five_questions(running: Running, server: FakeServer) -> None:
    found = top_facts.facts(Client(Address(running.url, ADMIN)))
    assert [row["model"] for row in found.instances] == ["chat-a-llamacpp", "chat-b-llamacpp", "chat-c-llamacpp"]
    assert found.devices and found.problems == ("the driver of gpu1 is lost",)
    assert found.url == running.url and found.today
    assert found.document(None)["data"] == list(found.instances)


def test_who_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable):
        top_facts.facts(Client(Address("http://127.0.0.1:9", "")))


def test_models_are_loaded_and_unloaded(running: Running, server: FakeServer) -> None:
    client = Client(Address(running.url, ADMIN))
    assert top_facts.load(client, "chat-c-llamacpp") == "loading chat-c-llamacpp"
    assert top_facts.unload(client, "chat-a-llamacpp") == "unloaded chat-a-llamacpp"
    paths = [path for _, path, _ in server.seen]
    assert "/admin/models/chat-c-llamacpp/start?wait=0" in paths


def test_series_are_summed_over_workers_and_models() -> None:
    text = '# TYPE a gauge\na{worker="0"} 2\na{worker="1",m="x y"} 3\nab 9\nb 1e1\n'
    assert (top_facts.summed(text, "a"), top_facts.summed(text, "b"), top_facts.summed(text, "c")) == (5, 10, 0)
