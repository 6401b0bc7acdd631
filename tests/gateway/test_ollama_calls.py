"""Requests that only load or unload a model, and completions without a template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glowplug.domain.access import Rights
from glowplug.domain.model import Capability, Dialect
from glowplug.domain.snapshot import ModelRoute
from glowplug.wire import link
from tests.gateway.rig import KEY, Client, Rig, cloud, key, local, snapshot, whole

BOTH = (("/api/generate", {}), ("/api/generate", {"prompt": ""}), ("/api/chat", {"messages": []}), ("/api/embed", {}))
empty = pytest.mark.parametrize(("path", "body"), BOTH)
OLLAMA = ModelRoute(
    name="hosted", local=True, upstream_model="m:7b", dialect=Dialect.OLLAMA, engine_options={"num_ctx": 4096},
    capabilities=(Capability.CHAT, Capability.COMPLETIONS, Capability.EMBEDDINGS),
)  # fmt: skip


@pytest.fixture
def warm(rig: Rig) -> Rig:
    rig.apply(snapshot(models=(local("local", keep_alive_most=60.0), cloud("cloud"), OLLAMA), aliases=()))
    rig.grant()
    rig.uplink.take()
    return rig


def activity(rig: Rig) -> list[tuple[bool, float | None]]:
    return [(m.busy, m.keep_alive) for m in rig.uplink.take() if isinstance(m, link.Activity)]


def ask(rig: Rig, path: str, body: dict[str, Any], model: str = "local", **more: Any) -> Client:
    return rig.ask({"model": model, **body, **more}, path=path)


@empty
def test_a_load_of_what_is_loaded_gives_it_its_time_to_live(warm: Rig, path: str, body: dict[str, Any]) -> None:
    client = ask(warm, path, body, keep_alive="10m", stream=False)
    answer = client.answer
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    if path != "/api/embed":
        assert (answer.json["done"], answer.json["done_reason"]) == (True, "load")
    assert answer.json["model"] == "local"
    assert activity(warm) == [(True, None), (False, 60.0)], "within what is allowed"
    assert warm.journal.records == [] and warm.ups == [], "nothing was asked of it"


@empty
def test_a_load_waits_for_the_engine(rig: Rig, path: str, body: dict[str, Any]) -> None:
    client = ask(rig, path, body)
    assert [m for m in rig.uplink.sent if isinstance(m, link.Ensure)]
    assert client.wire.data == b""
    rig.later(1.5)
    if path != "/api/embed":
        assert b'"done":false' in client.wire.data, "a stream hears that it is being worked on"
    rig.grant()
    rig.spin()
    last = json.loads(client.answer.body.splitlines()[-1])
    assert client.answer.complete
    if path != "/api/embed":
        assert client.answer.headers["content-type"] == "application/x-ndjson"
        assert (last["done"], last["done_reason"]) == (True, "load")


@empty
def test_an_unload(warm: Rig, path: str, body: dict[str, Any]) -> None:
    client = ask(warm, path, body, keep_alive=0)
    if path != "/api/embed":
        assert json.loads(client.answer.body)["done_reason"] == "unload"
    assert activity(warm) == [(True, None), (False, 0.0)]


def test_an_unload_of_what_is_busy_waits_for_its_requests(warm: Rig) -> None:
    busy = warm.ask({"model": "local", "messages": [], "keep_alive": "1m"})
    warm.uplink.take()
    ask(warm, "/api/generate", {}, keep_alive="0")
    assert activity(warm) == []
    warm.reply(whole(), "i1")
    assert busy.answer.status == 200
    assert activity(warm) == [(False, 0.0)], "and then it is not kept, whatever they said"
    ask(warm, "/api/generate", {}, keep_alive="1m")
    assert activity(warm) == [(True, None), (False, 60.0)], "that was for once"


def test_a_load_from_the_line_lets_the_next_one_in(rig: Rig) -> None:
    rig.apply(snapshot(models=(local("local", max_concurrency=1),), aliases=()))
    rig.grant()
    busy = rig.ask({"model": "local", "messages": []})
    load = ask(rig, "/api/generate", {})
    behind = rig.ask({"model": "local", "messages": []})
    assert load.wire.data == b"" and len(rig.ups) == 1
    rig.reply(whole(), "i1")
    assert busy.answer.status == 200 and json.loads(load.answer.body)["done_reason"] == "load"
    rig.reply(whole(), "i1")
    assert behind.answer.status == 200


def test_an_unload_wakes_nothing(rig: Rig) -> None:
    client = ask(rig, "/api/generate", {}, keep_alive=0)
    assert json.loads(client.answer.body)["done_reason"] == "unload"
    assert rig.uplink.sent == []


@pytest.mark.parametrize("rights", [Rights.START, Rights.WARM])
def test_only_who_may_unload_for_others_may_unload(rig: Rig, rights: Rights) -> None:
    rig.apply(snapshot(keys=(key(KEY, "k", rights=rights),)))
    rig.grant()
    rig.uplink.take()
    answer = ask(rig, "/api/generate", {}, keep_alive=0).answer
    assert answer.status == 403 and "unload" in answer.json["error"]
    assert activity(rig) == []
    assert json.loads(ask(rig, "/api/generate", {}).answer.body)["done_reason"] == "load"


def test_a_key_for_what_is_loaded_loads_nothing(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "k", rights=Rights.WARM),)))
    answer = ask(rig, "/api/generate", {}).answer
    assert answer.status == 403 and rig.uplink.sent == []


def test_a_provider_is_always_there(warm: Rig) -> None:
    client = ask(warm, "/api/chat", {"messages": []}, "cloud")
    assert json.loads(client.answer.body)["done_reason"] == "load"


def test_what_is_more_than_a_load(warm: Rig) -> None:
    warm.grant("hosted", "i2", "/api")
    client = ask(warm, "/api/generate", {"prompt": "x", "raw": True}, "hosted", stream=False)
    top, _, body = warm.up("i2").request.partition(b"\r\n\r\n")
    assert top.startswith(b"POST /api/generate ")
    assert json.loads(body) == {
        "model": "m:7b", "prompt": "x", "raw": True, "stream": False, "keep_alive": -1, "options": {"num_ctx": 4096},
    }  # fmt: skip
    warm.reply(whole(b'{"model":"m:7b","response":"y","done":true,"eval_count":2,"prompt_eval_count":1}'))
    assert client.answer.json["model"] == "hosted"
    (end,) = warm.journal.ends
    assert (end.path, end.prompt_tokens, end.completion_tokens) == ("ollama_raw", 1, 2)
