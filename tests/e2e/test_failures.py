"""Engines that fail: the client is told why, the operator sees it, aliases go on, repairs help."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import Installation, until
from tests.support.gguf_files import write

MESSAGE = "cudaMalloc failed: no idea"


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, weights: Path, taken: int) -> Installation:
    installation = install_shared()
    chat = weights / "chat.gguf"
    names = ("crash", "hang", "missing", "flag", "port", "program", "later")
    aliases = "\n".join(f"  with-{n}: {{targets: [chat-{n}-fake, chat-cloud]}}" for n in names)
    installation.write(f"""
{engines()}
{provider(the_cloud)}
  paid: {{base_url: "{the_cloud.base_url}", api_key: "${{E2E_NOT_SET}}"}}
models:
  chat-crash-fake:
    {{engine: llamacpp, path: {chat}, args: [--crash-at-start, "3", --crash-line, "{MESSAGE}", --log-lines, "3"]}}
  chat-hang-fake: {{engine: llamacpp, path: {chat}, args: [--hang], load_stall: 1s, stop_timeout: 500ms}}
  chat-missing-fake: {{engine: llamacpp, path: {weights / "nothing.gguf"}}}
  chat-flag-fake: {{engine: llamacpp, path: {chat}, args: [--no-such-flag]}}
  chat-port-fake: {{engine: llamacpp, path: {chat}, port: {taken}}}
  chat-program-fake: {{engine: llamacpp, path: {chat}, command: [/nothing/llama-server]}}
  chat-later-fake:
    {{engine: llamacpp, path: {chat}, args: [--hang-after, "1"], idle_timeout: 1s, first_byte_timeout: 1s}}
  chat-real-bad:
    engine: llamacpp
    path: {weights / "broken.gguf"}
    command: [{sys.executable}, -m, glowplug.engines.llamacpp_inproc]
  chat-cloud: {{provider: cloud, id: stand-in}}
  chat-paid: {{provider: paid, id: stand-in}}
aliases:
  with-paid: {{targets: [chat-paid, chat-cloud]}}
{aliases}
""")
    write(weights / "broken.gguf", {"general.architecture": "nothing-known"})
    installation.start()
    return installation


@pytest.fixture(scope="module")
def silent(served: Installation) -> int:
    """An engine that has just stopped answering; being found out takes its health checks some seconds."""
    assert served.chat("chat-later-fake").status == 200
    (engine,) = served.engines("chat-later-fake")
    answer = served.chat("with-later")
    assert (answer.status, answer.model, answer.headers["x-glowplug-attempts"]) == (200, "chat-cloud", "2")
    return engine


@pytest.mark.parametrize(
    ("model", "reason", "words", "tail"),
    [
        ("chat-crash-fake", "crash", "3", MESSAGE),
        ("chat-hang-fake", "hang", "no progress", ""),
        ("chat-missing-fake", "missing_file", "nothing.gguf", ""),
        ("chat-flag-fake", "bad_flag", "--no-such-flag", ""),
        ("chat-port-fake", "port_taken", "port", ""),
        ("chat-program-fake", "missing_program", "/nothing/llama-server", ""),
    ],
)
def test_a_start_that_fails(served: Installation, silent: int, model: str, reason: str, words: str, tail: str) -> None:
    with (
        openai.OpenAI(base_url=f"{served.base_url}/v1", api_key=served.key, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 503
    error = caught.value.response.json()["error"]
    assert error["code"] == "engine_failed"
    assert error["reason"] == reason, error
    assert words in error["message"], error
    assert model in error["message"]
    assert error["hint"]
    assert error["request_id"] == caught.value.request_id
    assert tail in "\n".join(error["log_tail"])
    row = served.wait_state(model, "failed")
    assert row["failure"]["kind"] == reason
    assert served.engines(model) == [], "nothing may be left of it"
    stream = served.stream(model).rest()
    assert stream.status == 503
    # An alias goes on with its next target, without a pause.
    answer = served.chat(f"with-{model.split('-')[1]}")
    assert (answer.status, answer.model) == (200, "chat-cloud")


def test_the_command_line_shows_what_failed(served: Installation) -> None:
    failed = (("chat-crash-fake", "3"), ("chat-hang-fake", "no progress"), ("chat-port-fake", "port"))
    for model, _ in failed:  # lately: a failure is forgotten after its rest
        assert served.chat(model).status == 503
    shown = served.cli("ps")
    for model, words in failed:
        assert any(model in line and "failed" in line for line in shown.stdout.splitlines()), shown.stdout
        assert any(model in line and words in line for line in shown.stderr.splitlines()), shown.stderr
    assert MESSAGE in served.cli("logs", "chat-crash-fake").stdout


def test_a_file_that_is_no_model(served: Installation) -> None:
    answer = served.chat("chat-real-bad")
    assert answer.status == 503
    assert answer.error["reason"] in ("bad_model", "crash")
    assert answer.error["log_tail"]


def test_starting_by_hand_says_the_same(served: Installation) -> None:
    done = served.cli("start", "chat-missing-fake", check=False)
    assert done.returncode == 1
    assert "nothing.gguf" in done.stderr


def test_a_file_that_appears_heals_it(served: Installation, weights: Path) -> None:
    assert served.chat("chat-missing-fake").status == 503
    (weights / "nothing.gguf").write_bytes((weights / "chat.gguf").read_bytes())
    with contextlib.ExitStack() as undo:
        undo.callback((weights / "nothing.gguf").unlink)
        assert served.chat("chat-missing-fake").status == 200


def test_a_repaired_configuration_heals_at_once(served: Installation) -> None:
    assert served.chat("chat-crash-fake").status == 503
    assert served.config is not None
    served.write(
        served.config.read_text()
        .replace(f', args: [--crash-at-start, "3", --crash-line, "{MESSAGE}", --log-lines, "3"]', "")
        .replace(", args: [--no-such-flag]", "")
    )
    until("the crash is healed", lambda: served.chat("chat-crash-fake").status == 200, within=10, pause=0.05)
    until("the flag is healed", lambda: served.chat("chat-flag-fake").status == 200, within=10, pause=0.05)


def test_an_engine_that_hangs_later_is_ended_and_replaced(served: Installation, silent: int) -> None:
    """Last, because its health checks have had time meanwhile."""
    until("the silent engine is gone", lambda: silent not in served.engines("chat-later-fake"))
    assert served.chat("chat-later-fake").status == 200


# ---- providers


def test_an_unset_variable_takes_out_only_its_models(served: Installation) -> None:
    assert served.chat("chat-cloud").status == 200
    assert served.chat("with-paid").model == "chat-cloud"
    refused = served.chat("chat-paid")
    assert refused.status == 503
    assert refused.error["code"] == "model_unavailable"
    assert "E2E_NOT_SET" in refused.error["message"]
    assert "E2E_NOT_SET" in served.log.read_text(), "said at the start"
    checked = served.cli("config", "check", check=False)
    assert "E2E_NOT_SET" in checked.stdout + checked.stderr
