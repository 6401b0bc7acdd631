from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.instance import FailureKind
from glowplug.domain.model import LocalModel
from glowplug.engines.base import LoadReport
from glowplug.engines.llamacpp import LlamaCpp
from tests.engines.test_llamacpp_log import CPU, CUDA
from tests.support import gguf_models

GIB = 1 << 30
ON_GPU = Place(
    claim={"gpu0": GIB, "host": GIB}, totals={"gpu0": 24 * GIB, "host": 64 * GIB}, indexes={"gpu0": 0}, kind="nvidia"
)
ON_HOST = Place(claim={"host": GIB}, totals={"host": 64 * GIB})


def props(context: int, slots: int) -> bytes:
    return json.dumps({"default_generation_settings": {"n_ctx": context, "params": {}}, "total_slots": slots}).encode()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_models.llama(tmp_path_factory.mktemp("m") / "m.gguf")


def reported(
    weights: Path, place: Place, log: list[str], answer: bytes = b"", args: tuple[str, ...] = (), **options: Any
) -> LoadReport:
    model = LocalModel(name="m", engine="llamacpp", path=str(weights), options=options, args=args)
    return LlamaCpp().report(model, place, log, answer)


def test_nothing_to_say(weights: Path) -> None:
    done = [line.replace("33", "5") for line in CUDA]
    found = reported(weights, ON_GPU, done, props(4096, 4))
    assert (found.warnings, found.failure) == ((), None)
    assert found.device is not None and found.device > 5 * GIB
    assert reported(weights, ON_HOST, CPU, props(4096, 4)) == LoadReport(device=0)
    assert reported(weights, ON_HOST, []) == LoadReport()


@pytest.mark.parametrize(
    ("options", "answer", "warning"),
    [
        ({"ctx_size": 4096}, props(2048, 4), "the context of a slot is 2048 tokens, asked for are 4096"),
        ({"ctx_size": 0}, props(1024, 4), "the context of a slot is 1024 tokens, the model's own are 4096"),
        ({"ctx_size": 4096, "parallel": 2}, props(2048, 2), ""),
        ({"ctx_size": 4096, "parallel": 2}, props(1024, 2), "1024 tokens, asked for are 2048"),
        ({"ctx_size": 8192}, props(4096, 4), ""),
        ({"parallel": 3}, props(1536, 2), "2 requests at the same time instead of 3"),
        ({}, b"", ""),
        ({}, b"\xff{", ""),
        ({}, b"[]", ""),
        ({}, b'{"default_generation_settings":{"n_ctx":"no"}}', ""),
    ],
)
def test_a_context_smaller_than_asked(weights: Path, options: dict[str, Any], answer: bytes, warning: str) -> None:
    found = reported(weights, ON_HOST, CPU, answer, **options)
    assert warning in "; ".join(found.warnings)
    assert bool(found.warnings) is bool(warning)


def test_fewer_layers_than_asked(weights: Path) -> None:
    log = [line.replace("33/33", "3/5") for line in CUDA]
    assert reported(weights, ON_GPU, log).warnings == ("3 of 5 layers are on the accelerator instead of 5",)
    assert reported(weights, ON_GPU, log, gpu_layers=3).warnings == ()


@pytest.mark.parametrize(
    "log",
    [
        CPU,
        ["load_tensors: offloaded 0/5 layers to GPU"],
        ["warning: no usable GPU found, --gpu-layers option will be ignored"],
        ["ggml_cuda_init: failed to initialize CUDA: unknown error", *CPU],
    ],
)
def test_an_engine_that_was_given_a_device_and_runs_without(weights: Path, log: list[str]) -> None:
    failure = reported(weights, ON_GPU, log).failure
    assert failure is not None and failure.kind is FailureKind.CPU_FALLBACK
    assert "gpu0" in failure.message and failure.hint and failure.log_tail
    assert reported(weights, ON_HOST, log).failure is None, "it was not given one"
    assert reported(weights, ON_GPU, log, gpu_layers=0).failure is None, "it was asked not to"
    assert reported(weights, ON_GPU, log, args=("--device", "none")).failure is None


def test_a_log_that_says_nothing_is_no_failure(weights: Path) -> None:
    assert reported(weights, ON_GPU, ["srv  load_model: loading model"]) == LoadReport()


def test_without_a_readable_header_the_log_is_still_read(tmp_path: Path) -> None:
    found = reported(tmp_path / "none.gguf", ON_GPU, CPU, props(1, 1))
    assert found.failure is not None and found.warnings == ()
