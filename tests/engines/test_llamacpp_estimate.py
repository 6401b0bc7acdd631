"""The ladder: the program beside llama-server, else the header, else nothing."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.footprint import Footprint, Place, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.domain.model import LocalModel
from glowplug.engines import llamacpp_estimate
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.llamacpp_estimate import decide_for, fit_program, read_files, read_fit
from glowplug.engines.llamacpp_memory import GPU_CONTEXT
from tests.support import gguf_models
from tests.support.gguf_files import write

MIB, GIB = 1 << 20, 1 << 30
HOST_DEVICE = Device(id=HOST, kind=DeviceKind.HOST, name="memory", total=64 * GIB, used=0)


def gpu(number: int, total: int | None = 24 * GIB) -> Device:
    return Device(id=f"gpu{number}", kind=DeviceKind.NVIDIA, name="card", total=total, used=0, index=number)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_models.llama(tmp_path_factory.mktemp("m") / "m.gguf")


def of(path: Path, server: str = "no-such-server", devices: tuple[str, ...] = (), **options: Any) -> LocalModel:
    return LocalModel(name="m", engine="llamacpp", path=str(path), command=(server,), options=options, devices=devices)


def estimated(model: LocalModel, *accelerators: Device) -> Footprint:
    found = LlamaCpp().estimate(model, [*accelerators, HOST_DEVICE])
    assert found is not None
    return found


def test_from_the_header_on_a_host_alone(weights: Path) -> None:
    found = estimated(of(weights))
    assert (found.source, found.device) == (Source.HEADER, 0)
    assert found.host == sum(found.parts.values()) and found.parts["kv"] == 8 * MIB
    assert 0.05 <= found.error < 0.5 and "context 4096" in found.detail


def test_from_the_header_with_accelerators(weights: Path) -> None:
    found = estimated(of(weights), gpu(0), gpu(1))
    assert found.device == sum(found.parts.values()) and found.parts["context"] == GPU_CONTEXT
    assert estimated(of(weights, devices=("host",)), gpu(0)).device == 0
    assert estimated(of(weights, gpu_layers=0), gpu(0)).parts.keys() == {"compute", "context"}
    assert estimated(of(weights), gpu(0, None)).device == found.device, "of unknown size"


def test_nothing_can_be_said_of_a_file_that_cannot_be_read(weights: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path, write(tmp_path / "clip.gguf", {"general.architecture": "clip"})):
        assert LlamaCpp().estimate(of(path), [HOST_DEVICE]) is None
    assert LlamaCpp().estimate(of(weights, mmproj=str(tmp_path / "none.gguf")), [HOST_DEVICE]) is None


def test_files_beside_the_weights(weights: Path, tmp_path: Path) -> None:
    clip = {
        "general.architecture": "clip",
        "clip.vision.image_size": 224,
        "clip.vision.patch_size": 14,
        "clip.vision.embedding_length": 64,
        "clip.vision.feed_forward_length": 128,
    }
    eyes = write(tmp_path / "mmproj.gguf", clip, [("v.patch_embd.weight", (1024, 1024))])
    adapter = write(tmp_path / "lora.gguf", {"general.architecture": "llama"}, [("a", (1024, 512))])
    plain = estimated(of(weights), gpu(0))
    found = estimated(of(weights, mmproj=str(eyes), lora=str(adapter), draft_model=str(weights)), gpu(0))
    assert 2 * MIB < found.parts["projector"] < 4 * MIB
    assert MIB <= found.parts["adapter"] < 1.1 * MIB
    assert found.parts["draft"] == sum(plain.parts[part] for part in ("weights", "kv", "compute"))


# --- the estimator beside llama-server --------------------------------------------------------------------------------


def pretend(folder: Path, script: str) -> str:
    """A folder with a llama-server and an estimator that runs `script`; the path of the former."""
    for name, text in (("llama-server", "exit 1"), ("llama-fit-params", script)):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return str(folder / "llama-server")


def test_the_estimator_is_asked_and_what_it_leaves_out_is_added(weights: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = f'echo "$CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER $@" > {shlex.quote(str(seen))}\n'
    server = pretend(tmp_path, script + 'echo "CUDA0 1000 200 300 "; echo "Host 50 0 7 "')
    found = estimated(of(weights, server), gpu(0, 8 * GIB), gpu(1))
    assert (found.source, found.error) == (Source.ENGINE, 0.05)
    assert found.device == pytest.approx(1500 * MIB + GPU_CONTEXT, abs=4 * MIB)
    assert 57 * MIB < found.host < 57 * MIB + 400 * MIB
    words = seen.read_text().split()
    assert words[:2] == ["1", "PCI_BUS_ID"], "only the device it would be placed on"
    assert words[2:] == shlex.split(
        f"-m {weights} --fit-print on -c 4096 -b 2048 -ub 512 -np 1 -ctk f16 -ctv f16 -fa auto --no-repack -ngl 5"
    )


def test_a_build_without_accelerators_says_so_itself(weights: Path, tmp_path: Path) -> None:
    found = estimated(of(weights, pretend(tmp_path, 'echo "Host 1000 200 300 "')), gpu(0))
    assert (found.source, found.device) == (Source.ENGINE, 0)
    assert found.host >= 1500 * MIB and "on the accelerator" not in found.detail


@pytest.mark.parametrize(
    "script",
    [
        "exit 1",
        'echo "Host 1 2 3 "; exit 1',
        "echo Host 1 2",
        'echo "CUDA0 1 2 3 "',
        "head -c 300000 /dev/zero",
        "kill -9 $$",
        "sleep 60",
    ],
)
def test_any_trouble_with_it_falls_back_to_the_header(
    weights: Path, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llamacpp_estimate, "FIT_TIMEOUT", 0.5)
    assert estimated(of(weights, pretend(tmp_path, script))).source is Source.HEADER


def test_which_estimator_belongs_to_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = pretend(tmp_path, "")
    beside = str(tmp_path / "llama-fit-params")
    assert fit_program((server, "--verbose")) == beside
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fit_program(("llama-server",)) == beside
    links = tmp_path / "links"
    links.mkdir()
    (links / "llama-server-cuda").symlink_to(server)
    assert fit_program((str(links / "llama-server-cuda"),)) == beside
    assert fit_program(("python3", "-m", "glowplug.engines.llamacpp_inproc")) is None
    assert fit_program(("llama-server-of-nobody",)) is None and fit_program(()) is None
    Path(beside).chmod(stat.S_IRUSR)
    Path(beside).unlink()
    assert fit_program((server,)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Host 1 2 3 \n", ({}, {"weights": 1, "kv": 2, "compute": 3}, False)),
        (
            "CUDA0 10 20 30 \nCUDA1 1 2 3 \nHost 4 5 6 \n",
            ({"weights": 11, "kv": 22, "compute": 33}, {"weights": 4, "kv": 5, "compute": 6}, True),
        ),
        ("RPC[1.2.3.4] 9 9 9 \nHost 1 2 3 \n", ({}, {"weights": 1, "kv": 2, "compute": 3}, False)),
        ("warning\nHost 1 2 3 4 \n", None),
        ("Host 99999999999 2 3 \n", None),
        ("", None),
    ],
)
def test_what_it_prints(text: str, expected: tuple[dict[str, int], dict[str, int], bool] | None) -> None:
    found = read_fit(text)
    assert (found is None) is (expected is None)
    if found is not None and expected is not None:
        need, used = found
        rounded = [{part: size // MIB for part, size in parts.items()} for parts in (need.device, need.host)]
        assert used is expected[2]
        for ours, theirs in zip(rounded, expected[:2], strict=True):
            assert ours.keys() == theirs.keys() and all(0 <= ours[part] - theirs[part] <= 1 for part in theirs)


def test_the_launch_decides_as_the_estimate_did(tmp_path: Path) -> None:
    path = gguf_models.llama(tmp_path / "m.gguf", gguf_models.Dims(layers=8, context=65_536, kv_heads=8))
    files = read_files(of(path), {})
    assert files is not None

    def both(devices: Sequence[Device]) -> tuple[Any, Any]:
        first = llamacpp_estimate.decide(files, [device.total for device in devices], 64 * GIB)
        ids = [device.id for device in devices[: first.accelerators]]
        totals = {device.id: device.total or 0 for device in devices if device.id in ids}
        return first, decide_for(files, Place(claim=dict.fromkeys([*ids, HOST], 1), totals={**totals, HOST: 64 * GIB}))

    for devices in ([], [gpu(0)], [gpu(0, GIB)], [gpu(0, 700 * MIB)], [gpu(0, 600 * MIB), gpu(1, 600 * MIB)]):
        estimated, launched = both(devices)
        assert estimated == launched
