"""`glowplug demo` as a newcomer meets it: started, asked with the OpenAI SDK, looked at, stopped."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, refused, until

pytest.importorskip("xllamacpp")

CHAT, EMBED, CLOUD = "chat-demo-llamacpp", "embed-demo-llamacpp", "chat-demo-cloud"
MESSAGES: Any = [{"role": "user", "content": "Who are you?"}]
TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def demo(install_shared: Install) -> Installation:
    installation = install_shared()
    installation.start("demo", "--json", "--port", "0")
    return installation


@pytest.fixture
def sdk(demo: Installation) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{demo.base_url}/v1", api_key=demo.key, max_retries=0) as client:
        yield client


# ---- before anything was asked (the first tests of the module, on purpose)


def test_it_prints_one_line_of_json(demo: Installation) -> None:
    lines = demo.out.read_text().splitlines()
    assert len(lines) == 1
    told = json.loads(lines[0])
    assert demo.process is not None
    assert told == {
        "base_url": f"{demo.base_url}/v1",
        "admin_url": f"{demo.base_url}/admin",
        "api_key": demo.key,
        "models": told["models"],
        "pid": demo.process.pid,
    }
    assert {CHAT, EMBED, CLOUD, "chat-default", "embeddings-default"} <= set(told["models"])


def test_nothing_is_loaded_after_the_start(demo: Installation) -> None:
    assert demo.engines() == []
    assert {row["state"] for row in demo.admin("instances")["data"]} == {"stopped"}
    for pid, words in demo.processes().items():
        status = Path(f"/proc/{pid}/status").read_text()
        resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        print(f"at rest: {resident.split()[1]} KiB in {words[:80]}")  # shown with -s; a figure, not a test


def test_health_needs_no_key_and_everything_else_does(demo: Installation) -> None:
    for path in ("/health/live", "/health/ready", "/", "/api/version"):
        assert demo.call("GET", path, key="").status == 200
    for method, path in (
        ("GET", "/v1/models"), ("GET", f"/v1/models/{CHAT}"), ("GET", "/metrics"), ("POST", "/v1/chat/completions"),
        ("POST", "/v1/embeddings"), ("GET", "/admin/status"), ("GET", "/admin/keys"), ("POST", "/admin/keys"),
        ("GET", "/nothing/here"), ("DELETE", "/v1/files/1"),
    ):  # fmt: skip
        answer = demo.call(method, path, key="")
        assert answer.status == 401, (method, path, answer.body)
        assert answer.error["code"] == "invalid_api_key"
        assert answer.headers["x-request-id"]


def test_metrics_are_of_the_workers_and_of_control(demo: Installation) -> None:
    for _ in range(2):
        answer = demo.call("GET", "/metrics")
        text = answer.body.decode()
        assert answer.status == 200
        assert "\nglowplug_workers 1\n" in text
        assert "\nglowplug_workers_missing 0\n" in text
        assert "\nglowplug_control_connected 1\n" in text
        assert "\nglowplug_instance_state{" in text


def test_a_second_start_says_what_is_in_the_way(demo: Installation) -> None:
    again = demo.cli("demo", "--port", "0", check=False)
    assert again.returncode == 1
    assert again.stdout == ""
    assert "running on" in again.stderr
    assert "--state-dir" in again.stderr
    assert demo.call("GET", "/health/ready", key="").status == 200


# ---- the OpenAI SDK


def test_a_cold_default_is_answered_by_the_cloud_and_then_by_the_local_model(demo: Installation) -> None:
    first = demo.chat("chat-default")
    assert first.model == CLOUD
    assert first.headers["x-glowplug-reason"] == f"cold; warming {CHAT}"
    until("the conversation has moved over", lambda: demo.chat("chat-default").model == CHAT)


def test_a_plain_completion(sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model=CHAT, messages=MESSAGES, temperature=0)
    answer = raw.parse()
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert answer._request_id == raw.headers["x-request-id"]
    assert raw.headers["x-glowplug-model"] == CHAT
    assert raw.headers["x-glowplug-attempts"] == "1"
    assert raw.headers["x-glowplug-reason"]
    assert [part.split(";")[0].strip() for part in raw.headers["server-timing"].split(",")] == [
        "queue",
        "load",
        "upstream",
    ]


@pytest.mark.parametrize("model", [CHAT, CLOUD])
def test_a_stream_shows_usage_only_when_asked(sdk: openai.OpenAI, model: str) -> None:
    plain = list(sdk.chat.completions.create(model=model, messages=MESSAGES, stream=True, temperature=0))
    assert all(chunk.choices for chunk in plain)
    assert all(chunk.usage is None for chunk in plain)
    assert plain[-1].choices[0].finish_reason == "stop"
    asked = list(
        sdk.chat.completions.create(
            model=model, messages=MESSAGES, stream=True, temperature=0, stream_options={"include_usage": True}
        )
    )
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens > 0
    assert [c.choices[0].delta.content for c in asked[:-1]] == [c.choices[0].delta.content for c in plain]


def test_completions(sdk: openai.OpenAI) -> None:
    assert sdk.completions.create(model=CHAT, prompt="Hello", max_tokens=3).usage
    chunks = list(sdk.completions.create(model=CHAT, prompt="Hello", max_tokens=3, stream=True))
    assert chunks[-1].choices[0].finish_reason in ("length", "stop")


async def test_the_asynchronous_client(demo: Installation) -> None:
    async with openai.AsyncOpenAI(base_url=f"{demo.base_url}/v1", api_key=demo.key, max_retries=0) as client:
        whole, stream = await asyncio.gather(
            client.chat.completions.create(model=CHAT, messages=MESSAGES, temperature=0),
            client.chat.completions.create(model=CHAT, messages=MESSAGES, temperature=0, stream=True),
        )
        text = "".join([c.choices[0].delta.content or "" async for c in stream])
    assert text == whole.choices[0].message.content


def test_embeddings(sdk: openai.OpenAI) -> None:
    floats = sdk.embeddings.create(model="embeddings-default", input=["one", "two"], encoding_format="float")
    vectors = [item.embedding for item in floats.data]
    assert [item.index for item in floats.data] == [0, 1]
    assert vectors[0] != vectors[1]
    assert floats.usage.prompt_tokens > 0
    packed = sdk.embeddings.with_raw_response.create(model=EMBED, input="one", encoding_format="base64")
    assert json.loads(packed.text)["data"][0]["embedding"]
    decoded = base64.b64decode(json.loads(packed.text)["data"][0]["embedding"])
    assert list(struct.unpack(f"<{len(decoded) // 4}f", decoded)) == pytest.approx(vectors[0], abs=1e-5)
    default = sdk.embeddings.create(model=EMBED, input="one")  # the SDK asks for base64 and decodes it
    assert default.data[0].embedding == pytest.approx(vectors[0], abs=1e-5)


def test_tools_reach_the_cloud_and_their_calls_come_back(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model=CLOUD, messages=MESSAGES, tools=[TOOL])
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls
    assert calls[0].type == "function"
    assert calls[0].function.name == "weather"
    told = [*MESSAGES, answer.choices[0].message, {"role": "tool", "tool_call_id": calls[0].id, "content": "rain"}]
    assert sdk.chat.completions.create(model=CLOUD, messages=told, tools=[TOOL]).choices[0].message.content


def test_streamed_tool_calls(sdk: openai.OpenAI) -> None:
    chunks = list(sdk.chat.completions.create(model=CLOUD, messages=MESSAGES, tools=[TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert calls[0].function is not None
    assert calls[0].function.name == "weather"
    assert "".join(c.function.arguments or "" for c in calls if c.function) == "{}"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_models(sdk: openai.OpenAI) -> None:
    names = [model.id for model in sdk.models.list()]
    assert {CHAT, EMBED, CLOUD, "chat-default"} <= set(names)
    assert sdk.models.retrieve(CHAT).id == CHAT
    with pytest.raises(openai.NotFoundError):
        sdk.models.retrieve("nothing")


def test_a_wrong_key(demo: Installation) -> None:
    with (
        openai.OpenAI(base_url=f"{demo.base_url}/v1", api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.chat.completions.create(model=CHAT, messages=MESSAGES)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_an_unknown_model_names_the_nearest(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.chat.completions.create(model="chat-demo-lamacpp", messages=MESSAGES)
    assert caught.value.code == "model_not_found"
    assert f"did you mean '{CHAT}'?" in caught.value.message
    assert caught.value.request_id


# ---- keys


def test_the_life_of_a_key(demo: Installation) -> None:
    key = demo.cli("keys", "create", "laptop", "--models", "chat-demo-cloud").stdout.strip()
    rows = json.loads(demo.cli("keys", "list", "--json").stdout)["data"]
    mine = next(row for row in rows if row["name"] == "laptop")
    assert mine["role"] == "user"
    assert key not in json.dumps(rows)
    assert demo.call("GET", "/v1/models", key=key).json["data"][0]["id"] == CLOUD
    with openai.OpenAI(base_url=f"{demo.base_url}/v1", api_key=key, max_retries=0) as client:
        assert client.chat.completions.create(model=CLOUD, messages=MESSAGES).choices
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model=CHAT, messages=MESSAGES)
        assert caught.value.code == "model_not_allowed"
        for method, path in (("GET", "/admin/status"), ("POST", "/admin/keys"), ("GET", "/admin/instances")):
            refusal = demo.call(method, path, key=key)
            assert refusal.status == 403, (path, refusal.body)
        demo.cli("keys", "revoke", "laptop")
        with pytest.raises(openai.AuthenticationError):
            until(
                "the key is refused", lambda: client.chat.completions.create(model=CLOUD, messages=MESSAGES) and None, 1
            )


def test_an_admin_key_may_administer(demo: Installation) -> None:
    key = demo.cli("keys", "create", "boss", "--role", "admin").stdout.strip()
    assert demo.call("GET", "/admin/status", key=key).status == 200


# ---- the admin API through the worker's port


def test_head_has_no_body(demo: Installation) -> None:
    for path in ("/admin/status", "/v1/models", "/health/live"):
        answer = demo.call("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers["content-length"]) > 0


def test_a_websocket_is_refused_properly(demo: Installation) -> None:
    for key, status in ((demo.key, b"HTTP/1.1 403"), ("", b"HTTP/1.1 403")):
        with socket.create_connection(("127.0.0.1", demo.port), 10) as connection:
            connection.sendall(
                f"GET /nothing/ws HTTP/1.1\r\nHost: 127.0.0.1:{demo.port}\r\nConnection: Upgrade\r\n"
                f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                f"Authorization: Bearer {key}\r\n\r\n".encode()
            )
            told = b"".join(iter(lambda: connection.recv(65536), b""))
        assert told.startswith(status), told[:300]
        assert b"\r\n\r\n" in told


def test_a_log_is_followed(demo: Installation) -> None:
    assert demo.chat(CHAT, "hi").status == 200
    connection, response = demo.open("GET", f"/admin/models/{CHAT}/logs?lines=2&follow=1")
    with contextlib.closing(connection), response:
        assert response.status == 200
        path = demo.state / "logs" / f"{CHAT}.log"
        response.readline()
        response.readline()
        with path.open("a") as log:
            log.write("a new line in the log\n")
        until("the new line is there", lambda: b"a new line" in response.readline(), pause=0)
    assert "a new line in the log" in demo.cli("logs", CHAT, "-n", "5").stdout


def test_events_are_streamed(demo: Installation) -> None:
    connection, response = demo.open("GET", "/admin/events")
    with contextlib.closing(connection), response:
        assert response.readline().startswith(b":")
        demo.cli("stop", EMBED)
        demo.cli("start", EMBED)
        until("an instance changed", lambda: EMBED.encode() in response.readline(), pause=0)


def test_the_command_line_talks_to_a_model(demo: Installation) -> None:
    said = demo.cli("run", "chat-patient", "Who are you?")
    assert said.stdout.strip()
    assert "tok/s" in said.stderr
    assert CHAT in demo.cli("ps").stdout
    assert CHAT in demo.cli("models").stdout
    total = json.loads(demo.cli("usage", "--json").stdout)["data"]
    assert sum(row["completion_tokens"] for row in total) > 0


# ---- the end (the last tests of the module, on purpose)


def test_ctrl_c_stops_it_and_it_starts_again_with_the_same_key(demo: Installation) -> None:
    key, port = demo.key, demo.port
    assert demo.engines()
    assert demo.stop(signal.SIGINT) == 0
    assert demo.processes() == {}
    assert refused(port)
    assert len(demo.out.read_text().splitlines()) == 1
    demo.start("demo", "--json", "--port", str(port))
    assert json.loads(demo.out.read_text())["api_key"] == key
    assert demo.chat(CLOUD).status == 200
    assert sum(row["attempts"] for row in demo.admin("usage")["data"]) > 1


def test_smoke_finds_everything_well(demo: Installation, tmp_path: Path) -> None:
    report = tmp_path / "smoke.xml"
    assert demo.chat(CHAT).status == 200, "it is loaded before"
    told = json.loads(demo.cli("smoke", "--all", "--cold", "--json", "--junit", str(report)).stdout)
    assert not told["failed"]
    found = {(one["subject"], one["check"]): one for one in told["results"]}
    assert [one for one in told["results"] if one["outcome"] not in ("ok", "doubt")] == []
    for model in (CHAT, EMBED):
        assert "MiB held" in found[model, "cold: first answer"]["detail"]
        assert found[model, "cold: unloaded when idle"]["outcome"] == "ok"
        assert found[model, "cold: memory is back"]["outcome"] == "ok"
    assert found[CHAT, "cold: loaded again"]["outcome"] == "ok"
    assert (EMBED, "cold: loaded again") not in found
    assert found[EMBED, "embeddings"]["detail"].endswith("dimensions, length 1")
    assert found["chat-default", f"chat without {CHAT}"]["served"] == CLOUD
    assert found["server", "a wrong key is refused"]["outcome"] == "ok"
    assert found["server", "somebody logs in and out"]["outcome"] == "ok"
    assert demo.admin("users")["data"] == [] and len(demo.admin("invitations")["data"]) == 1, "nobody is left over"
    assert report.read_bytes().startswith(b"<?xml")


def test_smoke_asks_a_glowplug_from_outside_and_says_what_is_wrong(demo: Installation) -> None:
    against = demo.cli("smoke", "--against", demo.base_url, "--key", "sk-wrong", check=False)
    assert against.returncode != 0 and "does not list its models (status 401" in against.stderr
    done = demo.cli("smoke", CLOUD, "--against", demo.base_url, "--key", demo.key)
    rows = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith(CLOUD)]
    assert [CLOUD, "chat"] in rows and [CLOUD, "tools"] in rows
    key = demo.cli("keys", "create", "only", "--models", CLOUD).stdout.strip()
    less = json.loads(demo.cli("smoke", "--all", "--json", "--key", key).stdout)
    (login,) = [one for one in less["results"] if one["check"] == "somebody logs in and out"]
    assert login["outcome"] == "skipped" and login["detail"].startswith("it takes an admin key")
    assert {one["subject"] for one in less["results"]} == {"server", CLOUD}
