from __future__ import annotations

from typing import Any

import pytest

from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.gguf_types import BY_NAME
from glowplug.engines.llamacpp_settings import AUTO_SLOTS, Settings, settings


def of(*args: str, capabilities: tuple[Capability, ...] = (Capability.CHAT,), **options: Any) -> Settings:
    return settings(LocalModel(name="m", engine="llamacpp", args=args, capabilities=capabilities), options)


@pytest.mark.parametrize(
    ("args", "options", "changed"),
    [
        ((), {}, {}),
        ((), {"ctx_size": 0}, {"context": 0}),
        ((), {"ctx_size": 8192, "gpu_layers": 99}, {"context": 8192, "gpu_layers": 99}),
        ((), {"parallel": 2}, {"slots": 2, "unified": False}),
        ((), {"parallel": -1}, {"slots": AUTO_SLOTS, "unified": True}),
        (("--kv-unified",), {"parallel": 2}, {"slots": 2, "unified": True}),
        (("-kvu", "-np", "3"), {}, {"slots": 3, "unified": False}),
        ((), {"cache_type_k": "q8_0"}, {"cache_k": BY_NAME["q8_0"]}),
        ((), {"flash_attention": "off"}, {"flash": False}),
        ((), {"flash_attention": "auto", "fit": "on"}, {"flash": True, "fit": True}),
        (("-c", "4096"), {"ctx_size": 8192}, {"context": 4096}),
        (("-ngl", "all"), {}, {"gpu_layers": 1_000_000}),
        (("--n-gpu-layers", "auto"), {"gpu_layers": 3}, {"gpu_layers": None}),
        (("--swa-full", "-nkvo", "-cmoe"), {}, {"whole_windows": True, "offload_cache": False}),
        (("-ncmoe", "4", "-ot", "x=CPU", "--device", "none"), {}, {"host_experts": 4, "moved": True}),
        ((), {"mmproj": "/p", "draft_model": "/d", "draft_gpu_layers": 5}, {"projector": "/p", "draft": "/d"}),
        ((), {"lora": "/l", "cache_ram": 0}, {"lora": "/l", "cache_ram": 0}),
        (("-c", "many", "--cache-type-k", "nonsense"), {}, {}),
        (("-c",), {}, {}),
        (("--unknown", "-c", "512"), {}, {"context": 512}),
    ],
)
def test_options_and_arguments(args: tuple[str, ...], options: dict[str, Any], changed: dict[str, Any]) -> None:
    found = of(*args, **options)
    for name, expected in changed.items():
        assert getattr(found, name) == expected, name
    if not changed:
        assert found == Settings()


def test_what_is_embedded_fits_into_one_batch() -> None:
    assert of(capabilities=(Capability.EMBEDDINGS,)).batch == 512
    assert of("-ub", "1024", reranking=True).batch == 1024
    assert of(capabilities=(Capability.RERANK,)).embeddings
    assert of().batch == 2048


@pytest.mark.parametrize(
    ("slots", "unified", "context", "cells"),
    [
        (4, True, 4096, (4096, 1)),
        (4, True, 4097, (4352, 1)),
        (1, False, 100, (256, 1)),
        (4, False, 4096, (1024, 4)),
        (3, False, 5000, (1792, 3)),
    ],
)
def test_cells(slots: int, unified: bool, context: int, cells: tuple[int, int]) -> None:
    assert Settings(slots=slots, unified=unified).cells(context) == cells


def test_cells_of_a_window() -> None:
    assert Settings(slots=4, unified=True).window_cells(16384, 1024) == 4 * 1024 + 512
    assert Settings(slots=2, unified=False).window_cells(16384, 1024) == 1536
    assert Settings(slots=1).window_cells(1024, 4096) == 1024
    assert Settings(slots=1, whole_windows=True).window_cells(16384, 1024) == 16384
