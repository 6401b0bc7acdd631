"""The Ollama adapter: what it asks for, what it makes of answers and of logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.footprint import Place, Source
from glowplug.domain.hardware import HOST
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.ollama import LOADING_LINE, STARTING_LINE, Ollama, address, runner_options
from tests.engines.test_ollama_library import library

OLLAMA = Ollama()
ENDPOINT = Endpoint(instance="i", model="m", host="127.0.0.1", port=11434, key="")
CARD = Place(claim={"gpu0": 1, HOST: 1}, indexes={"gpu0": 0}, kind="nvidia")


def model(**changes: Any) -> LocalModel:
    return LocalModel(
        **{"name": "m", "engine": "ollama", "id": "mistral:7b", "command": ("ollama", "serve"), **changes}
    )


def listed(name: str = "mistral:7b", **entry: Any) -> bytes:
    return json.dumps({"models": [{"name": name, "model": name, "size": 100, "size_vram": 100, **entry}]}).encode()


def test_the_daemon_leaves_all_deciding_to_us() -> None:
    assert OLLAMA.argv(model(args=("-x",)), ENDPOINT) == ("ollama", "serve", "-x")
    env = OLLAMA.env(model(options={"num_parallel": 2}, env={"OLLAMA_MODELS": "/m", "OLLAMA_NO_CLOUD": "0"}))
    assert env == {
        "OLLAMA_HOST": "127.0.0.1:11434", "OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_MAX_LOADED_MODELS": "1024",
        "OLLAMA_NUM_PARALLEL": "2", "OLLAMA_MODELS": "/m", "OLLAMA_NO_CLOUD": "0",
    }  # fmt: skip
    assert OLLAMA.env(model(), CARD) == OLLAMA.env(model()), "a daemon serves models on every device"


@pytest.mark.parametrize(
    ("host", "reached", "listens"),
    [
        ("", ("127.0.0.1", 11434), "127.0.0.1:11434"),
        ("127.0.0.1:7000", ("127.0.0.1", 7000), "127.0.0.1:7000"),
        ("http://127.0.0.1:7000/", ("127.0.0.1", 7000), "127.0.0.1:7000"),
        ("0.0.0.0", ("127.0.0.1", 11434), "0.0.0.0:11434"),
        (":7000", ("127.0.0.1", 7000), "127.0.0.1:7000"),
        ("[::1]:7000", ("::1", 7000), "[::1]:7000"),
        ("box.invalid", ("box.invalid", 11434), "box.invalid:11434"),
    ],
)
def test_the_address_is_read_as_ollama_reads_it(host: str, reached: tuple[str, int], listens: str) -> None:
    configured = model(env={"OLLAMA_HOST": host} if host else {})
    assert address(configured) == reached
    assert OLLAMA.env(configured)["OLLAMA_HOST"] == listens
    assert OLLAMA.preflight(configured) is None


def test_a_port_of_the_model_goes_first() -> None:
    configured = model(port=7001, env={"OLLAMA_HOST": "127.0.0.1:7000"})
    assert address(configured) == ("127.0.0.1", 7001)
    assert OLLAMA.env(configured)["OLLAMA_HOST"] == "127.0.0.1:7001"


@pytest.mark.parametrize("host", ["https://127.0.0.1:1", "127.0.0.1:port", "http://h.invalid/ollama", "[::1"])
def test_an_address_that_cannot_be_used_is_seen_before_anything_starts(host: str) -> None:
    failure = OLLAMA.preflight(model(env={"OLLAMA_HOST": host}))
    assert failure is not None and failure.kind is FailureKind.BAD_FLAG and "OLLAMA_HOST" in failure.message
    address(model(env={"OLLAMA_HOST": host}))  # and asking for it does not raise


@pytest.mark.parametrize("id", ["qwen3-coder:480b-cloud", "glm-4.6:cloud"])
def test_models_of_the_cloud_are_a_providers(id: str) -> None:
    failure = OLLAMA.preflight(model(id=id))
    assert failure is not None
    assert "https://ollama.com/v1" in failure.hint and "OLLAMA_API_KEY" in failure.hint and id in failure.message


def test_other_mistakes_are_seen_before_anything_starts() -> None:
    missing = OLLAMA.preflight(model(id=""))
    assert missing is not None and missing.kind is FailureKind.MISSING_FILE
    bad = OLLAMA.preflight(model(options={"num_ctx": 1}))
    assert bad is not None and bad.kind is FailureKind.BAD_FLAG and "num_ctx" in bad.message
    assert OLLAMA.preflight(model(command=("no-such-program",))) is None, "a daemon may run already"


def test_the_context_is_always_said() -> None:
    assert runner_options(model()) == {"num_ctx": 4096}
    options = {"num_ctx": 8192, "num_gpu": 10, "num_parallel": 4}
    assert runner_options(model(options=options)) == {"num_ctx": 8192, "num_gpu": 10}


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, listed(context_length=4096), Readiness.READY),
        (200, listed("Mistral:7B", context_length=4096), Readiness.READY),
        (200, listed(), Readiness.READY),
        (200, listed(context_length=2048), Readiness.READY),
        (200, listed(context_length=32768), Readiness.LOADING),
        (200, listed("mistral:latest", context_length=4096), Readiness.LOADING),
        (200, b'{"models":[]}', Readiness.LOADING),
        (200, b'{"models":null}', Readiness.WRONG),
        (200, b"Ollama is running", Readiness.WRONG),
        (503, b"", Readiness.LOADING),
        (404, b"404 page not found", Readiness.WRONG),
    ],
)
def test_health(status: int, body: bytes, found: Readiness) -> None:
    assert OLLAMA.read_health(status, body, model()) is found


def test_identity() -> None:
    assert OLLAMA.read_identity(200, b'{"version":"0.33.2"}', model()) == ""
    assert "not Ollama" in OLLAMA.read_identity(200, b"{}", model())


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("glowplug: loading m failed: 404 model 'mistral:7b' not found", FailureKind.MISSING_FILE,
         "ollama pull mistral:7b"),
        ('glowplug: loading m failed: 404 model "a/b:c" not found, try pulling it first', FailureKind.MISSING_FILE,
         "ollama pull a/b:c"),
        ("glowplug: loading m failed: 500 model requires more system memory (5.0 GiB) than is available (3.0 GiB)",
         FailureKind.OUT_OF_MEMORY, "num_ctx"),
        ("glowplug: loading m failed: 500 llama runner process has terminated: cudaMalloc failed: out of memory",
         FailureKind.OUT_OF_MEMORY, "num_ctx"),
        ("glowplug: loading m failed: 400 \"nomic\" does not support generate", FailureKind.BAD_FLAG, "capabilities"),
        ("glowplug: loading m failed: 500 unable to load model: /blobs/sha256-1", FailureKind.BAD_MODEL, "update"),
        ("glowplug: the daemon could not be started: ollama: No such file", FailureKind.MISSING_PROGRAM, "install"),
        ("Error: listen tcp 127.0.0.1:11434: bind: address already in use", FailureKind.PORT_TAKEN, "OLLAMA_HOST"),
        ("glowplug: 127.0.0.1:80 is answered by something that is not Ollama", FailureKind.PORT_TAKEN, "OLLAMA_HOST"),
        ("glowplug: the daemon at 127.0.0.1:1 was started and does not answer", FailureKind.HANG, "log"),
        ("glowplug: the daemon ended", FailureKind.CRASH, "log"),
        ("glowplug: Ollama unloaded it unasked", FailureKind.CRASH, "loads it again"),
        ("glowplug: loading m failed: 500 timed out waiting for llama runner to start", FailureKind.HANG, "log"),
        ("glowplug: loading m failed: 500 runner process has terminated: exit status 2", FailureKind.CRASH, "log"),
    ],
)  # fmt: skip
def test_ends_are_named(line: str, kind: FailureKind, hint: str) -> None:
    failure = OLLAMA.classify(None, [f"{LOADING_LINE}m", line])
    assert failure.kind is kind and hint in failure.hint
    assert failure.log_tail[-1] == line and line.removeprefix("glowplug: ") in failure.message


def test_a_missing_model_goes_before_what_follows_from_it() -> None:
    lines = ["glowplug: loading m failed: 404 model 'm' not found", "glowplug: Ollama unloaded it unasked"]
    assert OLLAMA.classify(None, lines).kind is FailureKind.MISSING_FILE


def test_stages() -> None:
    assert OLLAMA.progress([f"{STARTING_LINE}ollama serve"]).stage == "starting the daemon"
    assert OLLAMA.progress([f"{STARTING_LINE}ollama serve", f"{LOADING_LINE}m", "x"]).stage == "loading weights"
    assert OLLAMA.progress(["x"]).stage == ""


def test_the_report_says_where_it_went() -> None:
    mib = 1 << 20
    whole = OLLAMA.report(model(), CARD, (), listed(size=100 * mib, size_vram=100 * mib, context_length=4096))
    assert (whole.failure, whole.warnings, whole.device) == (None, (), 100 * mib)
    part = OLLAMA.report(model(), CARD, (), listed(size=100 * mib, size_vram=60 * mib, context_length=2048))
    assert part.failure is None and part.device == 60 * mib
    assert part.warnings == (
        "40 of 100 MiB are not on the device",
        "the context is 2048 tokens instead of 4096",
    )
    none = OLLAMA.report(model(), CARD, (), listed(size=100 * mib, size_vram=0))
    assert none.failure is not None and none.failure.kind is FailureKind.CPU_FALLBACK
    assert OLLAMA.report(model(options={"num_gpu": 0}), CARD, (), listed(size_vram=0)).failure is None
    assert OLLAMA.report(model(), Place(), (), listed(size_vram=0)).failure is None
    assert OLLAMA.report(model(), CARD, (), b"").device is None


def test_the_estimate_is_declared_or_by_the_size_of_the_weights(tmp_path: Path) -> None:
    root = library(tmp_path, size=1_000_000_000)
    known = model(env={"OLLAMA_MODELS": str(root)})
    by_size = OLLAMA.estimate(known, ())
    assert by_size is not None and by_size.source is Source.SIZE
    assert by_size.device == round(1_000_000_024 * 1.2 + 0.6 * (1 << 30))
    declared = OLLAMA.estimate(model(memory=5, host_memory=3), ())
    assert declared is not None and (declared.device, declared.host, declared.source) == (5, 3, Source.DECLARED)
    assert OLLAMA.estimate(model(env={"OLLAMA_MODELS": str(tmp_path / "none")}), ()) is None
