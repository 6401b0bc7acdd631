"""`/v1/responses/compact`: for providers that have responses themselves; nothing else can do it."""

from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from tests.gateway.rig import Rig, cloud, local, request, snapshot, whole

RESPONSES = (Capability.CHAT, Capability.RESPONSES)
COMPACTED = {"object": "response.compaction", "output": [], "usage": {"input_tokens": 9, "output_tokens": 2}}


@pytest.fixture
def compacts(rig: Rig) -> Rig:
    models = (cloud("cloud", capabilities=RESPONSES), cloud("chats"), local("local", capabilities=RESPONSES))
    rig.apply(snapshot(models=models, aliases=()))
    rig.grant()
    return rig


@pytest.mark.parametrize("prefix", ["/v1", ""])
def test_it_is_forwarded_and_accounted(compacts: Rig, prefix: str) -> None:
    body = {"model": "cloud", "input": [{"role": "user", "content": "hi"}]}
    client = compacts.client().send(request(body, path=f"{prefix}/responses/compact"))
    compacts.spin()
    up = compacts.up("cloud").request
    assert up.startswith(b"POST /v1/responses/compact HTTP/1.1\r\n") and b'"up-cloud"' in up
    compacts.reply(whole(COMPACTED), "cloud")
    assert client.answer.json == COMPACTED
    (end,) = compacts.journal.ends
    assert (end.path, end.prompt_tokens, end.completion_tokens) == ("compact", 9, 2)


@pytest.mark.parametrize("model", ["chats", "local"])
def test_who_cannot_do_it_is_not_asked(compacts: Rig, model: str) -> None:
    client = compacts.client().send(request({"model": model, "input": "hi"}, path="/v1/responses/compact"))
    compacts.spin()
    error = client.answer.json["error"]
    assert (client.answer.status, error["code"]) == (400, "wrong_endpoint")
    assert "compact" in error["message"]
