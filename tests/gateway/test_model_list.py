"""The one list of models: both envelopes, both spellings, by key, from memory; and the real clients reading it."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

import anthropic
import openai
import pytest

from glowplug.domain.instance import Failure, FailureKind
from glowplug.domain.model import Capability, Loading
from glowplug.gateway.model_list import KEPT, is_codex
from tests.gateway.live import Live, Run
from tests.gateway.rig import KEY, KEYS, Rig, cloud, key, local, snapshot

KNOWN = cloud(
    "claude-x/y", context_window=200_000, max_output=8192, owner="anthropic", dimensions=768, unit_vectors=True
)


def _list(rig: Rig, path: str = "/v1/models", *headers: str, **more: Any) -> Any:
    return rig.ask(None, path=path, method="GET", headers=headers, **more).answer.json


def test_one_document_in_both_envelopes(rig: Rig) -> None:
    rig.apply(snapshot(models=(KNOWN, local("local")), aliases=()))
    listed = _list(rig)
    assert listed["object"] == "list" and listed["has_more"] is False
    assert (listed["first_id"], listed["last_id"]) == ("claude-x/y", "local")
    assert "models" not in listed
    first, second = listed["data"]
    assert first == {
        "id": "claude-x/y", "object": "model", "type": "model", "created": 1_700_000_000,
        "created_at": "2023-11-14T22:13:20Z", "display_name": "claude-x/y", "owned_by": "anthropic",
        "lifecycle": "active", "capabilities": ["chat", "completions", "embeddings"],
        "context_window": 200_000, "context_length": 200_000, "max_input_tokens": 200_000,
        "max_output_tokens": 8192, "max_tokens": 8192, "dimensions": 768, "unit_vectors": True,
    }  # fmt: skip
    assert second["state"] == "cold" and not {"context_window", "dimensions", "unit_vectors"} & second.keys()


def test_a_key_that_may_use_nothing_gets_a_list_without_entries(rig: Rig) -> None:
    rig.apply(snapshot(keys=(key(KEY, "k", models=("gone",)),)))
    listed = _list(rig)
    assert (listed["data"], listed["first_id"], listed["last_id"]) == ([], None, None)


@pytest.mark.parametrize(("path", "headers", "codex"), [
    ("/v1/models?client_version=0.99.0", (), True),
    ("/v1/models", ("originator: codex_cli_rs",), True),
    ("/v1/models", ("User-Agent: codex_exec/1.0",), True),
    ("/v1/models?limit=1000", ("User-Agent: claude-cli/2.0",), False),
    ("/v1/models", ("User-Agent: OpenAI/Python 3.54.0",), False),
])  # fmt: skip
def test_codex_alone_is_told_an_empty_catalogue(rig: Rig, path: str, headers: tuple[str, ...], codex: bool) -> None:
    listed = _list(rig, path, *headers)
    assert (listed.get("models") == []) is codex
    assert listed["object"] == "list" and len(listed["data"]) == 8
    assert is_codex(b"", {}) is False


def test_the_state_of_local_models(rig: Rig) -> None:
    def state() -> str:
        return str(next(m["state"] for m in _list(rig)["data"] if m["id"] == "local"))

    target = rig.plane.tables.targets["local"]
    assert state() == "cold"
    rig.plane.grants.progress(Loading(model="local", state="loading"))
    assert state() == "loading"
    rig.plane.grants.fail("local", Failure(kind=FailureKind.CRASH, message="x", until=4e9))
    assert state() == "failed"
    rig.grant()
    assert state() == "loaded"
    rig.plane.grants.revoke("i1")
    assert state() == "cold" and target.instance is None
    assert not [m for m in rig.uplink.sent if type(m).__name__ in ("Ensure", "Activity")], "looking wakes nothing"
    rig.apply(snapshot(models=(local("local", unavailable="no file"),), aliases=()))
    assert state() == "unavailable"


def test_the_list_is_kept_until_something_changes(rig: Rig) -> None:
    _list(rig)
    (kept,) = rig.plane.tables.model_documents.values()
    _list(rig)
    assert list(rig.plane.tables.model_documents.values()) == [kept]
    rig.grant()
    _list(rig)
    assert rig.plane.tables.model_documents[()] != kept


def test_a_list_is_kept_for_all_keys_that_may_use_the_same_and_only_so_many(rig: Rig) -> None:
    alike = [key(f"sk-gp-alike-{n}", f"alike-{n}", models=("cloud",)) for n in range(3)]
    others = [key(f"sk-gp-{n}", f"other-{n}", models=(f"m{n}",)) for n in range(KEPT + 20)]
    rig.apply(snapshot(keys=(*alike, *others)))
    for n in range(3):
        assert [m["id"] for m in _list(rig, token=f"sk-gp-alike-{n}")["data"]] == ["cloud"]
    assert len(rig.plane.tables.model_documents) == 1
    for n in range(KEPT + 20):
        _list(rig, token=f"sk-gp-{n}")
    assert len(rig.plane.tables.model_documents) == KEPT
    assert [m["id"] for m in _list(rig, token="sk-gp-alike-0")["data"]] == ["cloud"]


def test_five_hundred_models_are_listed_within_ten_milliseconds(rig: Rig) -> None:
    """Also when the list must be made.  The best of five: another program may have the processor in between."""
    rig.apply(snapshot(models=tuple(cloud(f"provider/model-{n}-8b") for n in range(500)), aliases=()))
    took = []
    for _ in range(5):
        rig.plane.tables.model_documents.clear()
        begun = perf_counter()
        listed = rig.ask(None, path="/v1/models", method="GET").answer
        took.append(perf_counter() - begun)
    assert len(listed.json["data"]) == 500
    assert min(took) < 0.01


def test_one_model_has_its_tagged_name_too(rig: Rig) -> None:
    rig.apply(snapshot(models=(KNOWN, local("m:latest")), aliases=()))
    for path, name in (("claude-x/y", "claude-x/y"), ("claude-x/y:latest", "claude-x/y"), ("m", "m:latest")):
        answer = rig.ask(None, path=f"/v1/models/{path}", method="GET").answer
        assert (answer.status, answer.json["id"]) == (200, name)


def test_the_sdks_of_openai_and_anthropic_read_it(live: Run) -> None:
    async def test(live: Live) -> None:
        live.serve(KNOWN, local("embed", capabilities=(Capability.EMBEDDINGS,)), keys=KEYS)
        base = f"http://127.0.0.1:{live.port}"
        async with openai.AsyncOpenAI(api_key=KEY, base_url=f"{base}/v1", max_retries=0) as gpt:
            models = [model async for model in gpt.models.list()]
            assert [model.id for model in models] == ["claude-x/y", "embed"]
            assert models[0].owned_by == "anthropic" and models[0].created == 1_700_000_000
            assert (await gpt.models.retrieve("embed")).id == "embed"
            with pytest.raises(openai.NotFoundError):
                await gpt.models.retrieve("nobody")
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base, max_retries=0) as claude:
            found = [model async for model in claude.models.list(limit=1000)]
            assert [model.id for model in found] == ["claude-x/y", "embed"]
            assert found[0].type == "model" and found[0].created_at.year == 2023
            assert (found[0].max_input_tokens, found[0].max_tokens) == (200_000, 8192)
            assert (await claude.models.retrieve("claude-x/y")).display_name == "claude-x/y"
            with pytest.raises(anthropic.NotFoundError):
                await claude.models.retrieve("nobody")

    live(test)


def test_its_entries_are_json_once(rig: Rig) -> None:
    """A second key in one object would be read differently by different clients."""
    text = rig.ask(None, path="/v1/models?client_version=1", method="GET").answer.body

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    assert json.loads(text, object_pairs_hook=once)["models"] == []
