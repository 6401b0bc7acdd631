"""The llama-server stand-in: what its flags mean, and how one real process behaves."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.models.make_fixed import REPLY, write_fixed_chat, write_loop

from glowplug.engines import llamacpp_inproc as inproc
from tests.support.llamacpp import Engine, command, environment, free_port, health, run, running, until

xllamacpp = pytest.importorskip("xllamacpp")

TOKENS = len(REPLY.split()) + 1
"""One token a word, and the end token."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_fixed_chat(folder / "fixed.gguf")
    write_loop(folder / "loop.gguf")
    return folder


@pytest.fixture(scope="module")
def engine(models: Path) -> Iterator[Engine]:
    flags = ("--alias", "fixed", "-c", "1024", "-np", "2", "--metrics", "--jinja", "--no-webui", "--fit", "off")
    with running(models / "fixed.gguf", *flags, key="secret") as running_engine:
        yield running_engine


# --- flags -----------------------------------------------------------------------------------------------------------

MAPPING: list[tuple[list[str], str, Any]] = [
    (["--model", "other.gguf"], "model.path", "other.gguf"),
    (["--mmproj", "eyes.gguf"], "mmproj.path", "eyes.gguf"),
    (["--host", "::1"], "hostnames", ["::1"]),
    (["--host", "/run/engine.sock"], "hostnames", ["/run/engine.sock"]),
    ([], "port", 8080),
    (["--port", "9000"], "port", 9000),
    (["-a", "one,two"], "model_alias", {"one", "two"}),
    (["--alias", "one"], "model_alias", {"one"}),
    (["--api-key", "a,b"], "api_keys", ["a", "b"]),
    (["--api-key", "a", "--api-key", "b"], "api_keys", ["a", "b"]),
    ([], "n_ctx", 0),
    (["-c", "4096"], "n_ctx", 4096),
    (["--ctx-size", "0"], "n_ctx", 0),
    (["--parallel", "3"], "n_parallel", 3),
    (["-np", "3"], "kv_unified", False),
    (["-np", "-1"], "n_parallel", inproc.AUTO_SLOTS),
    ([], "kv_unified", True),
    (["-ngl", "99"], "n_gpu_layers", 99),
    (["--n-gpu-layers", "0"], "n_gpu_layers", 0),
    (["--gpu-layers", "auto"], "n_gpu_layers", -1),
    (["-ngl", "all"], "n_gpu_layers", -2),
    (["-b", "256"], "n_batch", 256),
    (["-ub", "128"], "n_ubatch", 128),
    (["-t", "3"], "cpuparams.n_threads", 3),
    (["--threads", "3"], "cpuparams_batch.n_threads", 3),
    (["-t", "3", "-tb", "1"], "cpuparams_batch.n_threads", 1),
    (["--embedding"], "embedding", True),
    (["--embeddings", "-b", "2048", "-ub", "512"], "n_batch", 512),
    (["--pooling", "cls"], "pooling_type", 2),
    (["--reranking"], "pooling_type", 4),
    (["--rerank"], "embedding", True),
    ([], "endpoint_metrics", False),
    (["--metrics"], "endpoint_metrics", True),
    (["--no-slots"], "endpoint_slots", False),
    (["-fa", "on"], "flash_attn_type", 1),
    (["--flash-attn", "off"], "flash_attn_type", 0),
    (["-ctk", "q8_0"], "cache_type_k", 8),
    (["-ctv", "bf16"], "cache_type_v", 30),
    (["--fit", "off"], "fit_params", False),
    (["--seed", "7"], "sampling.seed", 7),
    (["--seed", "-1"], "sampling.seed", 0xFFFFFFFF),
    (["--temp", "0"], "sampling.temp", 0.0),
    (["--sleep-idle-seconds", "60"], "sleep_idle_seconds", 60),
    (["--no-ui"], "ui", False),
    (["--no-webui", "--jinja"], "use_jinja", True),
]


@pytest.mark.parametrize(
    ("flags", "path", "value"),
    MAPPING,
    ids=lambda v: " ".join(v) if isinstance(v, list) else str(sorted(v) if isinstance(v, set) else v),
)
def test_a_flag_sets_its_parameter(flags: list[str], path: str, value: Any) -> None:
    found = inproc.build_params(["-m", "model.gguf", *flags])
    for name in path.split("."):
        found = getattr(found, name)
    assert found == value


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--foo"], "invalid argument: --foo"),
        (["--port=1"], "invalid argument: --port=1"),
        (["stray"], "invalid argument: stray"),
        (["--port"], 'while handling argument "--port": expected value for argument'),
        (["--port", "x"], 'while handling argument "--port": '),
        (["--fit", "maybe"], "unknown value 'maybe', one of: on, off"),
        (["-ctk", "q2_k"], "unknown value 'q2_k'"),
        (["-fa", "yes"], "one of: on, off, auto"),
        (["--host", "::1"], "-m FILE is required"),
    ],
)
def test_a_wrong_command_line_is_refused(flags: list[str], complaint: str) -> None:
    with pytest.raises(inproc.UsageError) as caught:
        inproc.build_params(flags)
    assert complaint in str(caught.value)


def test_the_key_of_the_environment_comes_first_and_those_of_the_command_line_on_top() -> None:
    assert inproc.build_params(["-m", "x.gguf"], "e").api_keys == ["e"]
    assert inproc.build_params(["-m", "x.gguf", "--api-key", "a"], "e").api_keys == ["e", "a"]
    assert inproc.build_params(["-m", "x.gguf"]).api_keys == []


def test_an_asked_temperature_is_marked_as_asked() -> None:
    bit = int(xllamacpp.common_params_sampling_config.COMMON_PARAMS_SAMPLING_CONFIG_TEMP)
    assert not inproc.build_params(["-m", "x"]).sampling.user_sampling_config & bit
    assert inproc.build_params(["-m", "x", "--temp", "1"]).sampling.user_sampling_config & bit


def test_help_lists_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert inproc.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for flag in inproc.FLAGS for name in flag.names)


def test_version_names_the_build(capsys: pytest.CaptureFixture[str]) -> None:
    assert inproc.main(["--version"]) == 0
    assert capsys.readouterr().err == f"version: xllamacpp {xllamacpp.__version__} (build {inproc_build()})\n"


def inproc_build() -> str:
    return str(xllamacpp.__version__).rsplit(".", 1)[-1]


def test_a_missing_wheel_is_explained(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("No module named 'xllamacpp'")

    monkeypatch.setattr(inproc, "_library", missing)
    assert inproc.main(["-m", "x"]) == 1
    assert "pip install 'glowplug[demo]'" in capsys.readouterr().err


# --- listening -------------------------------------------------------------------------------------------------------


def test_listening_tells_a_live_socket_from_a_dead_one(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert inproc.listening(address)
    assert not inproc.listening(address)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert inproc.listening(f"unix://{path}")
    assert not inproc.listening(f"unix://{path}")
    assert not inproc.listening(f"unix://{path}-never")


def test_the_process_leaves_when_its_server_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class GoneServer:
        listening_address = f"http://127.0.0.1:{free_port()}"

        def __init__(self, _params: object) -> None:
            for number in inproc.STOP_SIGNALS:  # as the server of a llama.cpp build might
                signal.signal(number, signal.SIG_IGN)

    class Library:
        Server = GoneServer

    before = [signal.getsignal(n) for n in inproc.STOP_SIGNALS]
    monkeypatch.setattr(inproc, "_library", lambda: Library)
    monkeypatch.setattr(inproc, "ALIVE_EVERY_S", 0.01)
    try:
        assert inproc.serve(None) == 1
        assert [signal.getsignal(n) for n in inproc.STOP_SIGNALS] == [signal.SIG_DFL] * 2
    finally:
        for number, handler in zip(inproc.STOP_SIGNALS, before, strict=True):
            signal.signal(number, handler)
        inproc._running.clear()
    assert "is gone" in capsys.readouterr().err


# --- one real process ------------------------------------------------------------------------------------------------


def test_it_answers_the_fixed_sentence(engine: Engine) -> None:
    answer = engine.chat("Hi", temperature=0.8)
    choice = answer["choices"][0]
    assert choice["message"]["content"] == REPLY
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == TOKENS
    assert answer["model"] == "fixed"


def test_max_tokens_ends_with_length(engine: Engine) -> None:
    answer = engine.chat("Hi", max_tokens=3)
    assert answer["choices"][0]["message"]["content"] == "Hello from the"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3


def test_it_streams_one_event_a_word_and_the_usage_last(engine: Engine) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "stream": True, "stream_options": {"include_usage": True}}
    with engine.send("/v1/chat/completions", body) as response:
        lines = [line[6:] for line in response.read().decode().splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    *events, last = map(json.loads, lines)
    words = [e["choices"][0]["delta"].get("content") for e in events]
    assert [w for w in words if w] == [REPLY.split()[0], *(f" {w}" for w in REPLY.split()[1:])]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == TOKENS


@pytest.mark.parametrize(("key", "status"), [("secret", 200), ("wrong", 401), ("", 401)])
def test_the_key_is_checked(engine: Engine, key: str, status: int) -> None:
    with engine.send("/v1/chat/completions", {"messages": [], "max_tokens": 1}, key=key) as response:
        # 400 for the empty conversation: past the key check
        assert response.status == status or (status, response.status) == (200, 400)


def test_health_needs_no_key_and_metrics_are_served(engine: Engine) -> None:
    assert health(engine.port) == 200
    with engine.send("/metrics") as response:
        assert b"llamacpp:prompt_tokens_total" in response.read()


def test_props_show_the_context_of_a_slot(engine: Engine) -> None:
    assert engine.json("/props")["default_generation_settings"]["n_ctx"] == 512
    assert len(engine.json("/slots")) == 2


def test_a_taken_port_is_reported(engine: Engine, models: Path) -> None:
    ended = run("-m", str(models / "fixed.gguf"), "--port", str(engine.port))
    assert ended.returncode == 1
    assert "couldn't bind" in ended.stderr


def test_a_missing_file_is_reported(models: Path) -> None:
    ended = run("-m", str(models / "none.gguf"), "--port", str(free_port()))
    assert ended.returncode == 1
    assert "none.gguf' (No such file or directory)" in ended.stderr


def test_an_unknown_flag_is_reported() -> None:
    ended = run("--foo")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "error: invalid argument: --foo\n")


def test_a_client_that_goes_away_frees_its_slot_and_a_stop_does_not_wait_for_one_that_stays(models: Path) -> None:
    endless = {"messages": [{"role": "user", "content": "go"}], "stream": True, "max_tokens": -1}
    with running(models / "loop.gguf", "-np", "2") as engine:

        def busy() -> bool:
            return any(slot["is_processing"] for slot in engine.json("/slots"))

        with engine.send("/v1/chat/completions", endless) as response:
            assert b"data: " in response.read(64)
            assert busy()
        until(lambda: not busy(), "the slot is free")
        with engine.send("/v1/chat/completions", endless) as response:
            assert response.read(64)
            status, seconds = engine.stop()
        assert status == -signal.SIGTERM
        assert seconds < 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("phase", [(200, 503), (200,)], ids=["while it loads", "at its first answer"])
def test_a_signal_ends_it_at_once_and_in_every_phase_in_the_same_way(
    models: Path, number: signal.Signals, phase: tuple[int, ...]
) -> None:
    port = free_port()
    argv = command("-m", str(models / "fixed.gguf"), "--port", str(port))
    with subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL) as process:
        until(lambda: health(port) in phase, "it has come so far")
        process.send_signal(number)
        assert process.wait(10) == -number


def test_it_listens_on_a_unix_socket(models: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("s") / "e.sock"
    argv = command("-m", str(models / "fixed.gguf"), "--host", str(path))
    with subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL) as process:

        def answers() -> bool:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(path))
                except OSError:
                    return False
                client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b" 200 " in client.recv(64)

        try:
            until(answers, "it answers on the socket")
        finally:
            process.terminate()
        assert process.wait(10) == -signal.SIGTERM
