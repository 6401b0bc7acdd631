"""The adapter and a real engine: launched by its command line, asked for what its capabilities promise, reported on.

With the wheel, and with a real llama-server as well when LLAMA_SERVER_BIN names one.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tools.models.make_embed import write_embed
from tools.models.make_fixed import REPLY, write_fixed_chat

from glowplug.domain.footprint import Place, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.llamacpp_estimate import fit_program
from glowplug.engines.programs import flags_in_help
from tests.support.gguf_special import write_projector, write_rerank
from tests.support.llamacpp import Engine, environment, free_port, health, until

pytest.importorskip("xllamacpp")

ADAPTER = LlamaCpp()
SERVER = os.environ.get("LLAMA_SERVER_BIN", "")
PROGRAMS = [(sys.executable, "-m", "glowplug.engines.llamacpp_inproc"), *([(SERVER,)] if SERVER else [])]
MEMORY = Device(id=HOST, kind=DeviceKind.HOST, name="memory", total=64 << 30, used=0)
PLACE = Place(claim={HOST: 1 << 30}, totals={HOST: 64 << 30})


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda command: Path(command[-1]).name)
def command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_fixed_chat(folder / "chat.gguf")
    write_embed(folder / "embed.gguf")
    write_rerank(folder / "rerank.gguf")
    write_projector(folder / "eyes.gguf")
    return folder


@contextmanager
def served(model: LocalModel, log: Path, place: Place = PLACE) -> Iterator[Engine]:
    """The model, started as a launcher would start it."""
    assert ADAPTER.preflight(model) is None
    asked = subprocess.run([*model.command, "--help"], env=environment(), capture_output=True, text=True, check=True)
    end = Endpoint(instance="i", model=model.name, host="127.0.0.1", port=free_port(), key="k")
    argv = ADAPTER.argv(model, end, flags_in_help(asked.stdout), place)
    env = {**environment(), **ADAPTER.env(model, place), **ADAPTER.secrets(end)}
    with log.open("wb") as out, subprocess.Popen(argv, env=env, stdout=out, stderr=out) as process:
        try:
            until(lambda: health(end.port) == 200 or process.poll() is not None, "the engine is ready")
            assert process.poll() is None, log.read_text()
            yield Engine(process, end.port, end.key)
        finally:
            process.kill()


def local(models: Path, name: str, command: tuple[str, ...], *capabilities: Capability, **options: Any) -> LocalModel:
    return LocalModel(
        name=name,
        engine="llamacpp",
        path=str(models / f"{name}.gguf"),
        command=command,
        capabilities=capabilities or ADAPTER.default_capabilities,
        options=options,
    )


def test_a_chat_model_answers_all_its_default_capabilities(
    models: Path, command: tuple[str, ...], tmp_path: Path
) -> None:
    model = local(models, "chat", command)
    estimate = ADAPTER.estimate(model, [MEMORY])
    assert estimate is not None and estimate.host > model_size(model)
    assert estimate.source is (Source.ENGINE if fit_program(command) else Source.HEADER)
    with served(model, tmp_path / "log") as engine:
        with engine.send("/v1/models") as response:
            assert ADAPTER.read_identity(response.status, response.read(), model) == ""
        assert engine.say("Hi") == REPLY
        message = {"model": "chat", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]}
        assert engine.json("/v1/messages", message)["content"][0]["text"] == REPLY
        answer = engine.json("/v1/responses", {"model": "chat", "input": "Hi"})
        assert answer["output"][-1]["content"][0]["text"] == REPLY
        assert engine.json("/v1/completions", {"prompt": "Hi", "max_tokens": 1})["choices"][0]["text"]
        with engine.send("/props") as response:
            report = ADAPTER.report(model, PLACE, (tmp_path / "log").read_text().splitlines(), response.read())
        assert (report.warnings, report.failure) == ((), None)


def model_size(model: LocalModel) -> int:
    return Path(model.path).stat().st_size


def test_the_context_of_its_slots_is_what_was_asked(models: Path, command: tuple[str, ...], tmp_path: Path) -> None:
    model = local(models, "chat", command, ctx_size=2048, parallel=2, verbosity=4)
    with served(model, tmp_path / "log") as engine, engine.send("/props") as response:
        answer = response.read()
    lines = (tmp_path / "log").read_text().splitlines()
    report = ADAPTER.report(model, PLACE, lines, answer)
    assert (report.warnings, report.failure, report.device) == ((), None, 0)
    larger = local(models, "chat", command, ctx_size=4096, parallel=2)
    assert ADAPTER.report(larger, PLACE, lines, answer).warnings == (
        "the context of a slot is 1024 tokens, asked for are 2048",
    )
    with_gpu = Place(claim={"gpu0": 1, HOST: 1}, totals={"gpu0": 8 << 30, HOST: 64 << 30}, indexes={"gpu0": 0})
    fallback = ADAPTER.report(model, with_gpu, lines, answer).failure
    assert fallback is not None and "all of its buffers are in the host's memory" in fallback.message


def test_a_place_with_an_accelerator_that_is_not_there_is_found_out(
    models: Path, command: tuple[str, ...], tmp_path: Path
) -> None:
    place = Place(
        claim={"gpu0": 1, HOST: 1}, totals={"gpu0": 8 << 30, HOST: 64 << 30}, indexes={"gpu0": 0}, kind="nvidia"
    )
    model = local(models, "chat", command)
    with served(model, tmp_path / "log", place):
        pass
    failure = ADAPTER.report(model, place, (tmp_path / "log").read_text().splitlines(), b"").failure
    assert failure is not None and failure.kind == "cpu_fallback"


def test_embeddings(models: Path, command: tuple[str, ...], tmp_path: Path) -> None:
    with served(local(models, "embed", command, Capability.EMBEDDINGS), tmp_path / "log") as engine:
        found = engine.json("/v1/embeddings", {"input": ["cat", "a cat", "invoice"]})["data"]
        near, same, far = (one["embedding"] for one in found)
        assert sum(a * b for a, b in zip(near, same, strict=True)) > sum(a * b for a, b in zip(near, far, strict=True))


def test_reranking(models: Path, command: tuple[str, ...], tmp_path: Path) -> None:
    documents = ["the bad dog", "the good cat", "a dog", "good good"]
    with served(local(models, "rerank", command, Capability.RERANK), tmp_path / "log") as engine:
        answer = engine.json("/v1/rerank", {"query": "what is good", "documents": documents})
    ranked = sorted(answer["results"], key=lambda one: -one["relevance_score"])
    assert [documents[one["index"]] for one in ranked] == ["good good", "the good cat", "a dog", "the bad dog"]


def png(side: int) -> bytes:
    """A brown square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    pixels = b"".join(b"\0" + b"\x80\x40\x20" * side for _ in range(side))
    size = side.to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_vision(models: Path, command: tuple[str, ...], tmp_path: Path) -> None:
    model = local(models, "chat", command, mmproj=str(models / "eyes.gguf"))
    estimate = ADAPTER.estimate(model, [MEMORY])
    assert estimate is not None and estimate.parts["projector"] > (models / "eyes.gguf").stat().st_size * 0.9
    url = "data:image/png;base64," + base64.b64encode(png(64)).decode()
    parts = [{"type": "text", "text": "what"}, {"type": "image_url", "image_url": {"url": url}}]
    with served(model, tmp_path / "log") as engine:
        assert engine.json("/props")["modalities"]["vision"] is True
        seen = engine.json("/v1/chat/completions", {"messages": [{"role": "user", "content": parts}]})
        blind = engine.chat("what")
    assert seen["choices"][0]["message"]["content"] == REPLY
    # (64 / 8 / 4)² embeddings of the image, and what marks its beginning and end
    assert seen["usage"]["prompt_tokens"] >= blind["usage"]["prompt_tokens"] + 4


def test_a_draft_model_is_used(models: Path, command: tuple[str, ...], tmp_path: Path) -> None:
    if "inproc" in command[-1]:
        pytest.skip("the wheel's launcher has no flag for a draft model")
    model = local(models, "chat", command, draft_model=str(models / "chat.gguf"), draft_gpu_layers=0)
    with served(model, tmp_path / "log") as engine:
        answer = engine.chat("Hi", temperature=0)
    assert answer["choices"][0]["message"]["content"] == REPLY
    assert answer["timings"]["draft_n_accepted"] > 0
