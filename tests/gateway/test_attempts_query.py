"""Query strings of model requests."""

from __future__ import annotations

import pytest

from glowplug.domain.model import Capability
from tests.gateway.rig import Rig, cloud, request, snapshot, whole

NATIVE = cloud("claude", capabilities=(Capability.MESSAGES,))
AZURE = cloud("azure", capabilities=(Capability.MESSAGES,), base_url="http://127.0.0.1:1/v1?api-version=2")
OTHER = cloud("gpt", capabilities=(Capability.CHAT,))


@pytest.mark.parametrize(("model", "path", "line"), [
    ("claude", "/v1/messages?beta=true", b"POST /v1/messages?beta=true HTTP/1.1"),
    ("claude", "/v1/messages/count_tokens?beta=true", b"POST /v1/messages/count_tokens?beta=true HTTP/1.1"),
    ("claude", "/v1/messages", b"POST /v1/messages HTTP/1.1"),
    ("claude", "/v1/messages?a=1&b=%20?", b"POST /v1/messages?a=1&b=%20? HTTP/1.1"),
    ("gpt", "/v1/messages?beta=true", b"POST /v1/chat/completions HTTP/1.1"),
    ("gpt", "/v1/chat/completions?beta=true", b"POST /v1/chat/completions HTTP/1.1"),
])  # fmt: skip
def test_what_goes_upstream(rig: Rig, model: str, path: str, line: bytes) -> None:
    rig.apply(snapshot(models=(NATIVE, OTHER), aliases=()))
    rig.ask({"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}, path=path)
    assert rig.up(model).request.partition(b"\r\n")[0] == line
    rig.reply(whole())


def test_each_of_two_requests_in_line_has_its_own(rig: Rig) -> None:
    rig.apply(snapshot(models=(NATIVE,), aliases=()))
    body = {"model": "claude", "messages": []}
    rig.client().send(request(body, path="/v1/messages?n=1") + request(body, path="/v1/messages?n=2"))
    rig.spin()
    for number in (1, 2):
        assert rig.up().request.startswith(b"POST /v1/messages?n=%d HTTP/1.1\r\n" % number)
        rig.reply(whole())
