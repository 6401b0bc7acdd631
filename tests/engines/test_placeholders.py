from __future__ import annotations

import pytest

from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.placeholders import fill, values

ENDPOINT = Endpoint(instance="i", model="m", host="127.0.0.1", port=5001, key="secret")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--port={port}", "--port=5001"),
        ("http://{host}:{port}/{model}", "http://127.0.0.1:5001/chat-x"),
        ("{path}", "/w/{port}"),
        ('{"a": {"port": 1}}', '{"a": {"port": 1}}'),
        ("{key} {other} { port }", "{key} {other} { port }"),
    ],
)
def test_what_is_known_is_filled_in_once_and_the_rest_stays(text: str, filled: str) -> None:
    model = LocalModel(name="chat-x", engine="command", path="/w/{port}")
    assert fill(text, values(model, ENDPOINT)) == filled


def test_a_command_line_is_never_given_the_key() -> None:
    assert "secret" not in values(LocalModel(name="m", engine="command"), ENDPOINT).values()
