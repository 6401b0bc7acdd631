"""What Ollama's clients are answered from memory."""

from __future__ import annotations

import json
from datetime import datetime
from time import time
from typing import Any

import pytest

from glowplug.domain.model import Capability
from tests.gateway.rig import KEY, Rig, cloud, key, local, snapshot

CHAT = local("chat-qwen3-8b-llamacpp", context_window=32_768, capabilities=(Capability.CHAT, Capability.COMPLETIONS))
EMBED = local("embed-arctic-m-llamacpp", capabilities=(Capability.EMBEDDINGS,))
SEES = local("vision-gemma3:4b", capabilities=(Capability.CHAT,))
MODELS = (CHAT, EMBED, SEES)


@pytest.fixture
def models(rig: Rig) -> Rig:
    rig.apply(snapshot(models=MODELS, aliases=()))
    return rig


def get(rig: Rig, path: str, *headers: str, **more: Any) -> Any:
    return rig.ask(None, path=path, method=more.pop("method", "GET"), headers=headers, **more).answer


def post(rig: Rig, path: str, body: object, **more: Any) -> Any:
    return rig.ask(body, path=path, **more).answer


def test_probes_need_no_key(models: Rig) -> None:
    running = get(models, "/", token=None)
    assert (running.status, running.body) == (200, b"Ollama is running")
    assert running.headers["content-type"].startswith("text/plain")
    assert get(models, "/", "Accept: text/html,*/*", token=None).body == b"Glowplug is running"
    version = get(models, "/api/version", token=None).json["version"]
    assert tuple(int(part) for part in version.split(".")) >= (0, 6, 4)
    for path in ("/", "/api/version"):
        head = models.client().send(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        models.spin()
        top, _, body = head.wire.data.partition(b"\r\n\r\n")
        assert top.startswith(b"HTTP/1.1 200 ") and body == b""


@pytest.mark.parametrize(("method", "path"), [
    ("GET", "/api/tags"), ("GET", "/api/ps"), ("POST", "/api/show"), ("POST", "/api/pull"), ("POST", "/api/chat"),
    ("POST", "/api/generate"), ("POST", "/api/embed"), ("DELETE", "/api/delete"),
])  # fmt: skip
def test_everything_else_needs_a_key_and_says_so_in_ollamas_words(models: Rig, method: str, path: str) -> None:
    answer = models.ask({"model": CHAT.name}, path=path, method=method, token=None).answer
    assert answer.status == 401
    assert list(answer.json) == ["error"] and "key" in answer.json["error"]


def test_tags(models: Rig) -> None:
    first, embed, sees = get(models, "/api/tags").json["models"]
    assert first["name"] == first["model"] == "chat-qwen3-8b-llamacpp:latest"
    assert sees["name"] == "vision-gemma3:4b", "a name with a tag stays as it is"
    assert first["details"]["family"] == "qwen" and first["details"]["parameter_size"] == "8B"
    assert len(first["digest"]) == 64 and first["digest"] != embed["digest"]
    datetime.fromisoformat(first["modified_at"])
    models.apply(snapshot(models=MODELS, aliases=(), keys=(key(KEY, "k", models=(EMBED.name,)),)))
    assert [model["name"] for model in get(models, "/api/tags").json["models"]] == [EMBED.name + ":latest"]


@pytest.mark.parametrize(("name", "capabilities"), [
    (CHAT.name, ["completion", "tools", "thinking"]), (EMBED.name, ["embedding"]),
    (SEES.name, ["completion", "tools", "vision"]),
])  # fmt: skip
def test_show(models: Rig, name: str, capabilities: list[str]) -> None:
    for asked in ({"model": name}, {"name": name}, {"model": name, "verbose": True, "what": [1]}):
        shown = post(models, "/api/show", asked).json
        assert shown["capabilities"] == capabilities
        info = shown["model_info"]
        assert info["general.basename"] == name and info["general.architecture"]
    assert models.uplink.sent == [], "nobody is woken"


def test_show_says_how_much_context_there_is(models: Rig) -> None:
    info = post(models, "/api/show", {"model": CHAT.name + ":latest"}).json["model_info"]
    assert info[f"{info['general.architecture']}.context_length"] == 32_768
    bare = post(models, "/api/show", {"model": EMBED.name}).json["model_info"]
    assert not any(name.endswith("context_length") for name in bare)


@pytest.mark.parametrize("path", ["/api/show", "/api/pull", "/api/chat", "/api/generate", "/api/embed"])
def test_a_model_that_is_not_there(models: Rig, path: str) -> None:
    answer = post(models, path, {"model": "x"})
    assert (answer.status, answer.json) == (404, {"error": "model 'x' not found"})


@pytest.mark.parametrize("path", ["/api/show", "/api/pull"])
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"model": 5}', b'{"model": "\xff"}'])
def test_bodies_that_say_nothing(models: Rig, path: str, body: bytes) -> None:
    answer = post(models, path, body)
    assert answer.status == 400 and isinstance(answer.json["error"], str)


def test_a_model_of_another_key_is_not_there(models: Rig) -> None:
    models.apply(snapshot(models=MODELS, aliases=(), keys=(key(KEY, "k", models=(EMBED.name,)),)))
    assert post(models, "/api/show", {"model": CHAT.name}).status == 404


def test_pull_of_what_is_there(models: Rig) -> None:
    stream = post(models, "/api/pull", {"model": CHAT.name})
    assert stream.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in stream.body.splitlines()] == [{"status": "success"}]
    plain = post(models, "/api/pull", {"name": CHAT.name + ":latest", "stream": False})
    assert (plain.headers["content-type"], plain.json) == ("application/json", {"status": "success"})
    assert models.uplink.sent == []


def test_ps_lists_what_is_granted_and_wakes_nothing(models: Rig) -> None:
    assert get(models, "/api/ps").json == {"models": []}
    models.grant(CHAT.name)
    models.uplink.take()
    (loaded,) = get(models, "/api/ps").json["models"]
    assert loaded["name"] == loaded["model"] == CHAT.name + ":latest"
    assert loaded["context_length"] == 32_768
    assert datetime.fromisoformat(loaded["expires_at"]).tzinfo is not None
    assert {"digest", "details"} <= set(loaded) and (loaded["size"], loaded["size_vram"]) == (0, 0)
    assert models.uplink.sent == []


def test_ps_says_what_control_said_of_memory_and_time(rig: Rig) -> None:
    ever = local("ever", keep_alive=float("inf"))
    rig.apply(snapshot(models=(local("local", keep_alive=60.0), ever), aliases=()))
    rig.grant("local", "i1")
    rig.grant("ever", "i2")
    rig.plane.grants.sized("i1", 9 << 30, 8 << 30)
    rig.plane.grants.sized("gone", 1, 1)
    one, two = get(rig, "/api/ps").json["models"]
    assert (one["size"], one["size_vram"]) == (9 << 30, 8 << 30)
    left = datetime.fromisoformat(one["expires_at"]).timestamp() - time()
    assert 50 < left <= 60
    assert two["expires_at"].startswith("2318-")


def test_what_changes_the_library_is_not_served(models: Rig) -> None:
    for method, path in (("DELETE", "/api/delete"), ("POST", "/api/create"), ("POST", "/api/blobs/sha256:0")):
        answer = models.ask({"model": CHAT.name}, path=path, method=method).answer
        assert answer.status == 404 and "configuration" in answer.json["error"]


def test_other_methods_and_other_paths(models: Rig) -> None:
    assert get(models, "/api/show").json == {"error": "this takes POST"}
    assert post(models, "/api/tags", {}).status == 400
    assert get(models, "/api/chat").status == 400
    client = models.client().send(b"GET /api/other HTTP/1.1\r\nHost: localhost\r\n\r\n")
    models.spin()
    assert models.up("control").request.startswith(b"GET /api/other ")
    client.wire.lose()
    models.spin()


def test_an_alias_is_a_model_like_any_other(rig: Rig) -> None:
    names = [model["name"] for model in get(rig, "/api/tags").json["models"]]
    assert "both:latest" in names
    assert post(rig, "/api/show", {"model": "both:latest"}).json["model_info"]["general.basename"] == "both"
    rig.apply(snapshot(models=(cloud("a"),), aliases=()))
    assert get(rig, "/api/ps").json["models"] == [], "a provider's model is not loaded here"
