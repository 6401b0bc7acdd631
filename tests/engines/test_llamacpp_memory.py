"""Where things go and what is chosen; that the sizes are right is for `test_llamacpp_memory_measured`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.domain.footprint import Source
from glowplug.domain.hardware import Device, DeviceKind
from glowplug.engines.gguf_types import BY_NAME
from glowplug.engines.llamacpp_memory import (
    GPU_CONTEXT,
    LEAST_CONTEXT,
    Beside,
    Need,
    Projector,
    accelerators,
    cache_bytes,
    fit,
    footprint,
    need,
    slot_context,
)
from glowplug.engines.llamacpp_model import Facts, Layer
from glowplug.engines.llamacpp_settings import Settings

MIB, GIB = 1 << 20, 1 << 30


def model(**more: Any) -> Facts:
    """Ten layers of 100 MiB with 1 KiB of f16 cache a token."""
    layer = Layer(weights=100 * MIB, experts=80 * MIB, ffn=10 * MIB, key=256, value=256)
    base = Facts(
        architecture="llama",
        context=131_072,
        embedding=1024,
        vocabulary=32_000,
        layers=(layer,) * 10,
        input=50 * MIB,
        output=60 * MIB,
        tied=False,
        cached=True,
        heads=8,
        wide=8192,
    )
    return replace(base, **more)


AT_8K = Settings(context=8192)


def test_without_accelerators_everything_is_the_hosts() -> None:
    found = need(model(), AT_8K, 0)
    assert found.device == {}
    assert found.host["weights"] == 1110 * MIB
    assert found.host["kv"] == 10 * 8192 * 1024
    result = footprint(model(), AT_8K, found, 0, Source.HEADER)
    assert (result.device, result.host) == (0, found.on_host)
    assert result.parts == found.host and result.source is Source.HEADER


def test_with_one_everything_but_the_input_layer_is_on_it() -> None:
    found = need(model(), AT_8K, 1)
    assert found.device["weights"] == 1060 * MIB and found.host["weights"] == 50 * MIB
    assert found.device["kv"] == 10 * 8192 * 1024 and "kv" not in found.host
    assert found.device["context"] == GPU_CONTEXT
    assert need(model(), AT_8K, 2).device["context"] == 2 * GPU_CONTEXT
    result = footprint(model(), AT_8K, found, 1, Source.HEADER)
    assert sum(result.parts.values()) == result.device
    assert "11 of 11 on the accelerator" in result.detail and "context 8192" in result.detail


@pytest.mark.parametrize(
    ("layers", "weights", "caches"),
    [(None, 1060, 10), (-1, 1060, 10), (99, 1060, 10), (11, 1060, 10), (10, 960, 9), (1, 60, 0), (0, 0, 0)],
)
def test_gpu_layers_count_from_the_output_down(layers: int | None, weights: int, caches: int) -> None:
    found = need(model(), replace(AT_8K, gpu_layers=layers), 1)
    assert found.device.get("weights", 0) == weights * MIB
    assert found.host["weights"] == (1110 - weights) * MIB
    assert found.device.get("kv", 0) == caches * 8192 * 1024
    assert found.host.get("kv", 0) == (10 - caches) * 8192 * 1024
    assert found.device["context"] == GPU_CONTEXT and found.device["compute"] > 0, "large batches are computed there"


def test_a_tied_output_is_copied_to_the_accelerator_and_shared_on_the_host() -> None:
    tied = model(tied=True, output=50 * MIB)
    assert need(tied, AT_8K, 0).host["weights"] == 1050 * MIB
    both = need(tied, AT_8K, 1)
    assert (both.host["weights"], both.device["weights"]) == (50 * MIB, 1050 * MIB)


@pytest.mark.parametrize(
    ("change", "weights"), [({"host_experts": 4}, 1060 - 320), ({"host_experts": 99}, 260), ({"host_ffn": 2}, 1040)]
)
def test_weights_that_stay_on_the_host(change: dict[str, Any], weights: int) -> None:
    found = need(model(), replace(AT_8K, **change), 1)
    assert found.device["weights"] == weights * MIB
    assert found.host["weights"] == (1110 - weights) * MIB


def test_the_cache_can_stay_on_the_host_and_devices_can_be_forbidden() -> None:
    assert "kv" not in need(model(), replace(AT_8K, offload_cache=False), 1).device
    assert need(model(), replace(AT_8K, accelerators=False), 1).device == {}


def test_files_beside_it() -> None:
    beside = Beside(Projector(500 * MIB, 100 * MIB), model(layers=(Layer(weights=10 * MIB, key=64, value=64),)), 30)
    plain, whole = need(model(), AT_8K, 1), need(model(), AT_8K, 1, beside)
    assert whole.device["projector"] == 600 * MIB and whole.device["adapter"] == 30
    assert whole.device["draft"] > (10 + 60) * MIB and whole.host["draft"] >= 50 * MIB
    assert {name: size for name, size in whole.device.items() if name in plain.device} == plain.device
    on_host = need(model(), replace(AT_8K, offload_projector=False, draft_layers=0), 1, beside)
    assert on_host.host["projector"] == 600 * MIB
    assert on_host.host["draft"] > whole.host["draft"] and on_host.device["draft"] < whole.device["draft"]
    assert need(model(), AT_8K, 0, beside).host["projector"] == 600 * MIB


@pytest.mark.parametrize(
    ("key", "value", "one"), [("f16", "f16", 2048), ("f32", "f16", 3072), ("q8_0", "q8_0", 1088), ("q4_0", "q8_0", 832)]
)
def test_cache_types(key: str, value: str, one: int) -> None:
    settings = Settings(slots=1, cache_k=BY_NAME[key], cache_v=BY_NAME[value])
    assert cache_bytes(settings, 1024, 512, 512) == 1024 * one


def test_states_count_by_slot_and_not_by_context() -> None:
    state = model(layers=(Layer(state=1000),) * 3)
    for context in (512, 65_536):
        assert need(state, Settings(context=context, slots=2), 0).host["recurrent"] == 3 * 1000 * 4 * 2


def test_a_model_that_keeps_nothing_has_no_cache_and_the_context_is_not_chosen() -> None:
    embed = model(cached=False, layers=(Layer(weights=MIB),) * 4)
    assert "kv" not in need(embed, Settings(embeddings=True), 0).host
    assert fit(embed, Settings(), [GIB], GIB).settings.context is None


def test_the_error_bar_covers_the_logits_older_builds_reserve() -> None:
    large = model(vocabulary=256_000)
    small, wide = need(model(), AT_8K, 1), need(large, AT_8K, 1)
    assert wide.doubt > small.doubt
    whole = wide.on_device + wide.on_host
    result = footprint(large, AT_8K, wide, 1, Source.HEADER)
    assert result.error * whole >= 4 * 512 * 256_000 - wide.device["compute"]
    assert footprint(large, AT_8K, wide, 1, Source.ENGINE).error == 0.05
    assert footprint(model(followed=False), AT_8K, small, 1, Source.HEADER).error >= 0.35
    assert footprint(model(), replace(AT_8K, moved=True), small, 1, Source.HEADER).error >= 0.2


def test_saved_prompts_are_a_cap_that_is_said_and_not_counted() -> None:
    found = need(model(), AT_8K, 0)
    assert "up to 8192 MiB" in footprint(model(), AT_8K, found, 0, Source.HEADER).detail
    none = replace(AT_8K, cache_ram=0)
    assert need(model(), none, 0) == found
    assert "saved prompts" not in footprint(model(), none, found, 0, Source.HEADER).detail
    assert "without limit" in footprint(model(), replace(AT_8K, cache_ram=-1), found, 0, Source.HEADER).detail


@pytest.mark.parametrize(
    ("settings", "slot"),
    [
        (Settings(context=8192), 8192),
        (Settings(context=8192, slots=4, unified=False), 2048),
        (Settings(context=0, slots=2, unified=False), 65_536),
        (Settings(context=999_999), 131_072),
    ],
)
def test_what_a_slot_can_use(settings: Settings, slot: int) -> None:
    assert slot_context(model(), settings) == slot


# --- what is chosen --------------------------------------------------------------------------------------------------


def test_an_unset_context_is_the_largest_that_fits() -> None:
    assert fit(model(), Settings(), [24 * GIB], None).settings.context == 32_768
    chosen = fit(model(), Settings(), [2 * GIB], None)
    assert chosen.settings.context == 16_384 and chosen.settings.gpu_layers is None and chosen.accelerators == 1
    assert need(model(), chosen.settings, 1).on_device <= 0.9 * 2 * GIB
    assert fit(model(context=2048), Settings(), [24 * GIB], None).settings.context == 2048


def test_a_set_context_stays() -> None:
    for context in (0, 100_000):
        assert fit(model(), Settings(context=context), [2 * GIB], None).settings.context == context


def test_the_fewest_accelerators_that_hold_it_are_taken() -> None:
    assert fit(model(), AT_8K, [24 * GIB, 24 * GIB], None).accelerators == 1
    assert fit(model(), AT_8K, [1 * GIB, 1500 * MIB], None).accelerators == 2
    both = fit(model(), Settings(context=16_384), [1800 * MIB, 1800 * MIB], None)
    one = fit(model(), Settings(), [1800 * MIB, 1800 * MIB], None)
    assert (both.accelerators, one.accelerators, one.settings.context) == (2, 1, 4096), "rather a shorter context"


def test_layers_are_moved_to_the_host_when_the_least_context_does_not_fit() -> None:
    chosen = fit(model(), Settings(), [GIB], None)
    assert chosen.settings.context == LEAST_CONTEXT
    layers = chosen.settings.gpu_layers
    assert layers is not None and 0 < layers < 11
    assert need(model(), chosen.settings, 1).on_device <= 0.9 * GIB
    assert need(model(), replace(chosen.settings, gpu_layers=layers + 1), 1).on_device > 0.9 * GIB
    assert fit(model(), Settings(gpu_layers=99), [GIB], None).settings.gpu_layers == 99, "what was set stays"
    assert fit(model(), Settings(), [MIB], None).settings.gpu_layers == 0


def test_on_a_host_alone_half_of_its_memory_may_be_taken() -> None:
    assert fit(model(), Settings(), [], 64 * GIB).settings.context == 32_768
    assert fit(model(), Settings(), [], 3 * GIB).settings.context == 16_384
    assert fit(model(), Settings(), [], None).settings.context == 32_768
    assert fit(model(), Settings(), [], GIB).settings.context == LEAST_CONTEXT
    assert fit(model(), Settings(accelerators=False), [24 * GIB], 64 * GIB).accelerators == 0


def test_the_same_is_chosen_from_the_devices_that_were_given() -> None:
    """What is estimated for a machine is what is launched on the device it was given."""
    estimated = fit(model(), Settings(), [2 * GIB, 24 * GIB, 2 * GIB], 64 * GIB)
    launched = fit(model(), Settings(), [24 * GIB], 64 * GIB)
    assert estimated == launched


def test_accelerators_it_may_use() -> None:
    devices = [
        Device(id=id, kind=kind, name="", total=GIB, used=0)
        for id, kind in (("gpu0", DeviceKind.NVIDIA), ("gpu1", DeviceKind.AMD), ("host", DeviceKind.HOST))
    ]
    assert [device.id for device in accelerators(devices, ())] == ["gpu0", "gpu1"]
    assert [device.id for device in accelerators(devices, ("gpu1", "host"))] == ["gpu1"]
    assert accelerators(devices, ("host",)) == []


SIZES = st.integers(0, 2**70)


@given(
    layer=st.builds(Layer, weights=SIZES, key=SIZES, value=SIZES, window=SIZES, state=SIZES),
    count=st.integers(1, 5),
    context=SIZES,
    heads=SIZES,
    totals=st.lists(SIZES, max_size=3),
)
def test_monsters_become_numbers_that_can_be_sent(
    layer: Layer, count: int, context: int, heads: int, totals: list[int]
) -> None:
    monster = model(layers=(layer,) * count, context=context, heads=heads, wide=heads)
    chosen = fit(monster, Settings(flash=False), totals, None)
    found = need(monster, chosen.settings, chosen.accelerators)
    result = footprint(monster, chosen.settings, found, chosen.accelerators, Source.HEADER)
    assert msgspec.json.decode(msgspec.json.encode(result), type=type(result)) == result
    assert 0 < result.error <= 1
    assert footprint(monster, chosen.settings, Need({}, {}), 0, Source.HEADER).device == 0
