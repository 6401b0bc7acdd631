"""The Responses side of the real OpenAI client against an installation whose provider knows chat completions only."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import openai
import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, provider
from tests.e2e.installation import Installation

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}
CUSTOM = {"type": "custom", "name": "patch"}


@pytest.fixture(scope="module")
def gp(install_shared: Install, the_cloud: Cloud) -> Iterator[Installation]:
    installation = install_shared()
    models = "\nmodels:\n  m: {provider: cloud, id: stand-in, capabilities: [chat]}\n"
    installation.write(provider(the_cloud) + models)
    installation.start("up", "--config", str(installation.config), "--port", "0", "--workers", "2")
    yield installation


def client_of(gp: Installation, key: str = "") -> openai.OpenAI:
    return openai.OpenAI(api_key=key or gp.key, base_url=f"{gp.base_url}/v1", max_retries=0, timeout=20)


@pytest.fixture
def client(gp: Installation) -> Iterator[openai.OpenAI]:
    with client_of(gp) as client:
        yield client


def test_an_answer_and_one_that_goes_on_from_it(gp: Installation, client: openai.OpenAI, the_cloud: Cloud) -> None:
    first = client.responses.create(model="m", input="hi", metadata={"a": "b"})
    assert first.status == "completed"
    assert first.output_text
    assert first.usage is not None and first.usage.total_tokens > 0
    for _ in range(4):  # either worker may be asked
        with client_of(gp) as other:
            second = other.responses.create(model="m", input="and?", previous_response_id=first.id)
        assert second.previous_response_id == first.id
        sent = the_cloud.provider.requests[-1].json["messages"]
        assert [(one["role"], one["content"]) for one in sent] == [
            ("user", "hi"), ("assistant", first.output_text), ("user", "and?")
        ]  # fmt: skip
    again = client.responses.retrieve(first.id)
    assert again == first
    items = client.responses.input_items.list(second.id, order="asc").data
    assert [getattr(item, "role", "") for item in items] == ["user", "assistant", "user"]


def test_a_stream_ends_with_what_is_kept(client: openai.OpenAI) -> None:
    with client.responses.stream(model="m", input="hi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == final.output_text
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kept = client.responses.retrieve(final.id)
    assert (kept.output_text, kept.usage) == (final.output_text, final.usage)


def test_tools(client: openai.OpenAI, the_cloud: Cloud) -> None:
    first = client.responses.create(model="m", input="look", tools=[TOOL])  # type: ignore[list-item]
    (call,) = first.output
    assert call.type == "function_call" and call.name == "look"
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "seen"}
    second = client.responses.create(model="m", input=[output], previous_response_id=first.id, tools=[TOOL])  # type: ignore[list-item]
    assert second.output_text
    assert [one["role"] for one in the_cloud.provider.requests[-1].json["messages"]] == ["user", "assistant", "tool"]
    with client.responses.stream(model="m", input="patch", tools=[CUSTOM, {"type": "web_search"}]) as stream:  # type: ignore[list-item]
        kinds = [event.type for event in stream]
        (patch,) = stream.get_final_response().output
    assert patch.type == "custom_tool_call" and patch.name == "patch"
    assert "response.custom_tool_call_input.done" in kinds


def test_deleted_and_unknown_and_somebody_elses(gp: Installation, client: openai.OpenAI) -> None:
    made = client.responses.create(model="m", input="hi")
    other = gp.admin("keys", "POST", {"name": "other"})["key"]
    with client_of(gp, other) as stranger:
        with pytest.raises(openai.NotFoundError):
            stranger.responses.retrieve(made.id)
        with pytest.raises(openai.BadRequestError) as caught:
            stranger.responses.create(model="m", input="x", previous_response_id=made.id)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(made.id)
    client.responses.delete(made.id)
    for _ in range(4):
        with client_of(gp) as again:
            with pytest.raises(openai.NotFoundError):
                again.responses.retrieve(made.id)
            with pytest.raises(openai.BadRequestError):
                again.responses.create(model="m", input="x", previous_response_id=made.id)


def test_what_is_not_stored_is_not_there(client: openai.OpenAI) -> None:
    made = client.responses.create(model="m", input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)


def test_tokens_are_estimated(client: openai.OpenAI, the_cloud: Cloud) -> None:
    before = len(the_cloud.provider.requests)
    assert client.responses.input_tokens.count(model="m", input="12345678").input_tokens == 2
    assert len(the_cloud.provider.requests) == before


def test_a_websocket_is_refused_at_once(gp: Installation) -> None:
    """What a client of the Responses wire tries before it streams over HTTP."""
    lines = [
        "GET /v1/responses HTTP/1.1", f"host: 127.0.0.1:{gp.port}", f"authorization: Bearer {gp.key}",
        "connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "openai-beta: responses_websockets=2026-02-06", "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", gp.port), 5.0) as line:
        line.sendall("\r\n".join(lines).encode())
        said = line.recv(65_536)
    assert said.split(b" ")[1] == b"426", said[:80]
    assert b'"error"' in said


def test_a_restart_forgets_nothing(install: Install, the_cloud: Cloud) -> None:
    gp = install()
    gp.write(provider(the_cloud) + "\nmodels:\n  m: {provider: cloud, id: stand-in, capabilities: [chat]}\n")
    gp.start()
    with client_of(gp) as client:
        made = client.responses.create(model="m", input="hi")
    assert gp.stop() == 0
    gp.start()
    with client_of(gp) as client:
        assert client.responses.retrieve(made.id) == made
        second = client.responses.create(model="m", input="and?", previous_response_id=made.id)
    assert second.output_text
    assert len(the_cloud.provider.requests[-1].json["messages"]) == 3
