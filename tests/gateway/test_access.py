"""What a key may ask for."""

from __future__ import annotations

import pytest

from glowplug.domain.access import FOR_MODELS, allows_route
from glowplug.gateway.access import may_use
from glowplug.gateway.tables import Key
from tests.gateway.rig import KEYS, Rig, chat, key, snapshot


@pytest.mark.parametrize(("models", "name", "may"), [
    ((), "a", True), (("a",), "a", True), (("a",), "ab", False), (("a*",), "ab", True),
    (("openai/*",), "openai/x", True),
    (("openai/*",), "openai", False), (("b", "a*"), "a", True), (("*",), "anything", True),
])  # fmt: skip
def test_names_and_what_a_star_stands_for(models: tuple[str, ...], name: str, may: bool) -> None:
    assert may_use(Key(key("sk", "k", models=models)), name) is may


@pytest.mark.parametrize(
    ("routes", "path", "may"),
    [
        (("/v1/chat/completions",), "/v1/chat/completions", True),
        (("/v1/chat/completions",), "/chat/completions", True),
        (("/v1/chat/completions",), "/v1/embeddings", False),
        (("/v1/audio/*",), "/v1/audio/speech", True),
        (("/v1/audio/*",), "/v1/audiobooks", False),
        (("/v1/chat*", "/v1/messages"), "/v1/messages", True),
        (("/api/chat",), "/v1/chat/completions", False),
        (("/v1/chat/completions",), "/admin/keys", False),
        ((), "/anything", True),
        (FOR_MODELS, "/rerank", True),
        (FOR_MODELS, "/api/chat", True),
        (FOR_MODELS, "/admin/me", False),
    ],
)
def test_routes_of_a_key(routes: tuple[str, ...], path: str, may: bool) -> None:
    assert allows_route(routes, path) is may


@pytest.mark.parametrize(
    ("path", "says"), [("/v1/embeddings", '"code":"route_not_allowed"'), ("/v1/messages", '"type":"permission_error"')]
)
def test_an_endpoint_that_is_none_of_the_keys_is_refused_in_the_clients_words(rig: Rig, path: str, says: str) -> None:
    rig.apply(snapshot(keys=(key("few", "few", routes=("/v1/chat/completions",)), *KEYS)))
    refused = rig.ask(chat(), path=path, token="few").answer
    assert refused.status == 403
    assert says.replace(" ", "") in refused.body.decode().replace(" ", "")
    assert "few" in refused.body.decode() or "/v1/chat/completions" in refused.body.decode()
    assert rig.ups == []
    rig.ask(chat(), token="few")
    assert len(rig.ups) == 1
