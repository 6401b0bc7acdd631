"""Tokens are counted by who is ready and can, and estimated otherwise; nothing is loaded, kept or accounted for it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import AliasRoute
from glowplug.gateway import counting
from tests.gateway.live import Live, Run
from tests.gateway.rig import Client, Rig, cloud, local, snapshot, whole
from tests.gateway.test_kinds_clients import claude

PATH = "/v1/messages/count_tokens"
CHAT = (Capability.CHAT,)
BODY: dict[str, Any] = {
    "system": "be kind", "messages": [{"role": "user", "content": "hi"}],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
}  # fmt: skip


@pytest.fixture
def counter(rig: Rig) -> Rig:
    models = (
        local("local", capabilities=CHAT), cloud("cloud", capabilities=CHAT),
        local("own", capabilities=(Capability.MESSAGES,)), local("ollama", capabilities=CHAT, dialect=Dialect.OLLAMA),
        cloud("embed", capabilities=(Capability.EMBEDDINGS,)),
    )  # fmt: skip
    rig.apply(snapshot(models=models, aliases=(AliasRoute(name="both", targets=("local", "cloud")),)))
    return rig


def ask(rig: Rig, model: str = "local", **more: Any) -> Client:
    return rig.ask({"model": model, **BODY, **more}, path=PATH)


def estimated(client: Client) -> None:
    answer = client.answer
    assert (answer.status, answer.json["estimated"]) == (200, True)
    assert answer.json["input_tokens"] > 5
    assert answer.headers["x-glowplug-estimated"] == "tokens"
    assert answer.headers["request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("model", ["local", "both", "cloud", "own", "ollama"])
def test_nothing_is_loaded_or_asked_for_a_count(counter: Rig, model: str) -> None:
    estimated(ask(counter, model))
    assert counter.uplink.take() == []
    assert not counter.ups
    assert not counter.journal.records


def sent(rig: Rig) -> tuple[str, Any]:
    top, _, body = rig.up("i1").request.partition(b"\r\n\r\n")
    assert b"\r\nauthorization: Bearer engine-key\r\n" in top
    return top.decode().split()[1], json.loads(body)


def test_llama_server_counts_the_prompt_its_template_makes(counter: Rig) -> None:
    counter.grant()
    client = ask(counter)
    path, body = sent(counter)
    assert path == "/apply-template"
    assert body["messages"] == [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hi"}]
    assert body["tools"][0]["function"]["name"] == "f"
    counter.reply(whole({"prompt": "<s>be kind hi"}), "i1")
    path, body = sent(counter)
    assert (path, body["content"]) == ("/tokenize", "<s>be kind hi")
    counter.reply(whole({"tokens": [1, 2, 3]}), "i1")
    assert client.answer.json == {"input_tokens": 3}
    assert "x-glowplug-estimated" not in client.answer.headers
    assert counter.uplink.take() == [], "it is no use of the engine"
    assert not counter.journal.records


def test_vllm_counts_messages(counter: Rig) -> None:
    counter.grant()
    client = ask(counter)
    counter.reply(whole({"detail": "Not Found"}, 404), "i1")
    path, body = sent(counter)
    assert (path, body["model"], body["add_generation_prompt"]) == ("/tokenize", "local", True)
    counter.reply(whole({"count": 7, "max_model_len": 9, "tokens": [1] * 7}), "i1")
    assert client.answer.json == {"input_tokens": 7}


@pytest.mark.parametrize("second", [
    whole({"error": {}}, 400), whole({"tokens": []}), whole(b"oops"), whole({"count": "many"}), whole([1]),
])  # fmt: skip
def test_an_engine_without_a_tokenizer_leaves_an_estimate(counter: Rig, second: bytes) -> None:
    counter.grant()
    client = ask(counter)
    counter.reply(whole(b"x", 404), "i1")
    counter.reply(second, "i1")
    estimated(client)


def test_an_engine_that_goes_or_hangs_leaves_an_estimate(counter: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    counter.grant()
    client = ask(counter)
    counter.up("i1").wire.lose(ConnectionResetError())
    counter.spin()
    estimated(client)
    monkeypatch.setattr(counting, "PATIENCE", 0.0)
    client = ask(counter)
    counter.loop.run_until_complete(_soon())
    counter.spin()
    estimated(client)
    assert counter.plane.grants.instances["i1"].usable, "a count proves nothing about an engine"


async def _soon() -> None:
    """A turn of the loop's timers."""
    await asyncio.sleep(0.005)


def test_a_client_that_leaves_meanwhile_is_no_trouble(counter: Rig) -> None:
    counter.grant()
    client = ask(counter)
    client.wire.lose()
    counter.spin()
    counter.reply(whole({"prompt": "x"}), "i1")
    counter.reply(whole({"tokens": [1]}), "i1")
    assert client.wire.data == b""


def test_images_are_estimated(counter: Rig) -> None:
    counter.grant()
    image = {"type": "image", "source": {"type": "url", "url": "https://x.invalid"}}
    estimated(ask(counter, messages=[{"role": "user", "content": [image]}]))


def test_who_counts_itself_is_asked(counter: Rig) -> None:
    counter.grant("own", "i2")
    client = ask(counter, "own")
    assert counter.up("i2").request.startswith(b"POST /v1/messages/count_tokens ")
    counter.reply(whole({"input_tokens": 5}), "i2")
    assert client.answer.json == {"input_tokens": 5}


def test_no_conversation_and_no_messages(counter: Rig) -> None:
    counter.grant()
    assert ask(counter, messages=[]).answer.status == 400
    answer = ask(counter, "embed").answer
    assert (answer.status, answer.json["type"]) == (400, "error")


def test_the_sdk_reads_an_estimate(live: Run) -> None:
    async def test(live: Live) -> None:
        async with claude(live) as client:
            live.serve(local("local", capabilities=CHAT))
            found = await client.messages.count_tokens(model="local", **BODY)
            assert found.input_tokens > 5
            assert found.model_extra == {"estimated": True}

    live(test)
