"""The ladder, rung by rung, and when what was found holds no more."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Footprint, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind, Reading
from glowplug.domain.model import LocalModel
from glowplug.lifecycle.footprint import SIZE_EXTRA, SIZE_FACTOR, Footprints, by_size, declared, weight_files
from glowplug.lifecycle.learned import Run, RunBook
from tests.lifecycle.fakes import Scripted

GIB = 1 << 30
ESTIMATE = Footprint(device=5 * GIB, host=GIB, source=Source.HEADER, parts={"weights": 4 * GIB, "kv": GIB})


class Estimating(Scripted):
    """An engine whose estimator says what a test wants, and remembers how often it was asked."""

    def __init__(self, answer: Footprint | None = ESTIMATE) -> None:
        self.answer = answer
        self.asked: list[Sequence[Device]] = []

    def estimate(self, model: LocalModel, devices: Sequence[Device]) -> Footprint | None:
        self.asked.append(devices)
        return self.answer


def reading(*names: str, total: int | None = 24 * GIB) -> Reading:
    cards = [
        Device(id=f"gpu{number}", kind=DeviceKind.NVIDIA, name=name, total=total, used=0)
        for number, name in enumerate(names)
    ]
    return Reading(devices=(*cards, Device(id=HOST, kind=DeviceKind.HOST, name="", total=64 * GIB, used=0)))


CARD = reading("RTX 4090")


@pytest.fixture
def model(tmp_path: Path) -> LocalModel:
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"w" * 1000)
    return LocalModel(name="m", engine="llamacpp", path=str(weights), command=("srv",))


@pytest.fixture
def book(tmp_path: Path) -> RunBook:
    (tmp_path / "runs").mkdir()
    return RunBook(tmp_path / "runs")


def ran(
    footprints: Footprints, engine: Scripted, model: LocalModel, device: int | None = 7 * GIB, **more: object
) -> Run:
    values: dict[str, object] = {
        "key": footprints.key(engine, model, CARD), "at": 1.0, "estimate_device": ESTIMATE.device,
        "estimate_host": 0, "source": Source.HEADER, "ready_device": device, "ready_host": 1000,
    }  # fmt: skip
    return Run(**(values | more))  # type: ignore[arg-type]


def change(model: LocalModel, **more: object) -> LocalModel:
    return msgspec.structs.replace(model, **more)


# ---- the rungs


def test_the_ladder_from_the_bottom_to_the_top(model: LocalModel, book: RunBook, tmp_path: Path) -> None:
    footprints, engine = Footprints(book), Estimating(None)
    nothing = change(model, path=str(tmp_path / "none"))
    assert footprints.find(engine, nothing, CARD) == Footprint()
    assert footprints.find(engine, model, CARD).source is Source.SIZE
    said = change(model, memory=3 * GIB)
    assert footprints.find(engine, said, CARD).source is Source.DECLARED
    engine.answer = ESTIMATE
    assert footprints.find(engine, said, CARD) == ESTIMATE
    assert engine.asked[-1] == CARD.accelerators
    footprints.remember(said, ran(footprints, engine, said))
    asked = len(engine.asked)
    found = footprints.find(engine, said, CARD)
    assert (found.source, found.device) == (Source.LEARNED, 7 * GIB)
    assert len(engine.asked) == asked, "what was measured needs no estimate"
    assert found.parts == footprints.quick(engine, said, CARD).parts == ESTIMATE.parts, (
        "what it is made of, the estimate said"
    )
    assert Footprints(book).find(engine, said, CARD).parts == {"weights": 1000}


def test_declared_memory_is_taken_at_its_word() -> None:
    bare = LocalModel(name="m", engine="command")
    assert declared(bare, ()) is None
    found = declared(change(bare, memory=5, host_memory=7), ())
    assert found is not None and (found.device, found.host, found.error) == (5, 7, 0.05)
    found = declared(change(bare, host_memory=7), ())
    assert found is not None and (found.device, found.host) == (0, 7)
    assert declared(change(bare, memory=0), ()) is not None, "nothing can be declared too"


def test_a_size_is_a_guess(model: LocalModel) -> None:
    found = by_size(model, ())
    assert found is not None
    assert (found.device, found.error, found.parts) == (int(1000 * SIZE_FACTOR) + SIZE_EXTRA, 0.2, {"weights": 1000})
    assert by_size(change(model, path=""), ()) is None


def test_what_follows_a_policy_is_not_learned(model: LocalModel, book: RunBook) -> None:
    engine = Estimating(Footprint(device=20 * GIB, source=Source.POLICY))
    footprints = Footprints(book)
    footprints.remember(model, ran(footprints, engine, model, 22 * GIB, source=Source.POLICY))
    assert footprints.find(engine, model, CARD).device == 20 * GIB
    assert footprints.quick(engine, model, CARD).source is Source.SIZE, "a plan must not say otherwise"


def test_without_learning_nothing_is_learned(model: LocalModel, book: RunBook) -> None:
    footprints, engine = Footprints(book, learn=False), Estimating()
    footprints.remember(model, ran(footprints, engine, model))
    assert footprints.find(engine, model, CARD) == ESTIMATE
    assert footprints.quick(engine, model, CARD).source is Source.SIZE


def test_the_cheap_rungs_ask_nobody(model: LocalModel, book: RunBook, tmp_path: Path) -> None:
    footprints, engine = Footprints(book), Estimating()
    assert footprints.quick(engine, model, CARD).source is Source.SIZE
    assert footprints.quick(engine, change(model, memory=1), CARD).source is Source.DECLARED
    assert footprints.quick(engine, change(model, path=str(tmp_path / "none")), CARD) == Footprint()
    footprints.remember(model, ran(footprints, engine, model))
    assert footprints.quick(engine, model, CARD).source is Source.LEARNED
    assert engine.asked == []


def test_a_driver_that_named_no_sizes_teaches_nothing(model: LocalModel, book: RunBook) -> None:
    footprints, engine = Footprints(book), Estimating()
    footprints.remember(model, ran(footprints, engine, model, None))
    assert footprints.find(engine, model, CARD) == ESTIMATE


def test_learned_is_what_was_learned_of_this_file_command_build_and_device(
    model: LocalModel, book: RunBook, tmp_path: Path
) -> None:
    program = tmp_path / "srv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    model = change(model, command=(str(program),))
    footprints, engine = Footprints(book), Estimating()
    footprints.remember(model, ran(footprints, engine, model))
    learned = Source.LEARNED
    assert footprints.find(engine, model, CARD).source is learned
    assert footprints.find(engine, change(model, keep_alive=1.0), CARD).source is learned
    assert footprints.find(engine, change(model, args=("--x",)), CARD) == ESTIMATE
    assert footprints.find(engine, model, reading("RTX 3090")) == ESTIMATE
    assert footprints.find(engine, model, reading("RTX 4090", "RTX 4090")) == ESTIMATE
    Path(model.path).write_bytes(b"v" * 1000)
    assert footprints.find(engine, model, CARD) == ESTIMATE
    Path(model.path).write_bytes(b"w" * 1000)
    assert footprints.find(engine, model, CARD).source is learned, "the same content again"
    program.write_text("#!/bin/sh\n# newer\n")
    assert footprints.find(engine, model, CARD) == ESTIMATE


# ---- what is known


def test_what_was_found_is_known_until_something_changes(model: LocalModel, book: RunBook) -> None:
    footprints, engine = Footprints(book), Estimating()
    assert footprints.known(engine, model, CARD) is None
    footprints.find(engine, model, CARD)
    assert footprints.known(engine, model, CARD) == ESTIMATE
    assert footprints.known(engine, change(model, keep_alive=1.0, priority=9), CARD) == ESTIMATE
    used = msgspec.structs.replace(CARD.devices[0], used=5)
    assert footprints.known(engine, model, Reading(devices=(used, CARD.devices[1]))) == ESTIMATE
    changes = {
        "args": change(model, args=("--x",)),
        "options": change(model, options={"ctx_size": 1}),
        "memory": change(model, memory=1),
        "host memory": change(model, host_memory=1),
        "name": change(model, name="n"),
    }
    for what, changed in changes.items():
        assert footprints.known(engine, changed, CARD) is None, what
    for devices in (reading(), reading("RTX 3090"), reading("RTX 4090", total=None), reading("RTX 4090", "RTX 4090")):
        assert footprints.known(engine, model, devices) is None
    os.utime(model.path, (1, 1))
    assert footprints.known(engine, model, CARD) is None, "the file was written"


def test_what_was_measured_is_looked_up_again(model: LocalModel, book: RunBook) -> None:
    footprints, engine = Footprints(book), Estimating()
    footprints.find(engine, model, CARD)
    first = ran(footprints, engine, model)
    footprints.remember(model, first)
    assert footprints.known(engine, model, CARD) is None
    assert footprints.find(engine, model, CARD).device == 7 * GIB
    footprints.grown("m", msgspec.structs.replace(first, peak_device=8 * GIB))
    assert footprints.known(engine, model, CARD) is None
    assert footprints.find(engine, model, CARD).device == 8 * GIB
    assert len(footprints.history("m")) == 1


def test_how_far_estimates_are_off_in_the_middle(model: LocalModel, book: RunBook) -> None:
    footprints, engine = Footprints(book), Estimating()
    assert footprints.typical_error("m") is None
    for device in (4 * GIB, 5 * GIB, 10 * GIB, None):
        footprints.remember(model, ran(footprints, engine, model, device, ready_host=None))
    assert footprints.typical_error("m") == pytest.approx(0.25)


# ---- the files


def files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"x" * 100)


def found(folder: Path, name: str) -> list[str]:
    path = str(folder / name) if name else str(folder)
    return [file.name for file in weight_files(LocalModel(name="m", engine="llamacpp", path=path))]


def test_a_split_model_is_all_of_its_parts_and_no_other(tmp_path: Path) -> None:
    parts = [f"m-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    files(tmp_path, *parts, "m.gguf", "m-q8-00002-of-00003.gguf", "m-00001-of-00002.gguf", "other-00001-of-00003.gguf")
    assert found(tmp_path, parts[0]) == parts
    assert found(tmp_path, "m.gguf") == ["m.gguf"]
    assert by_size(LocalModel(name="m", engine="x", path=str(tmp_path / parts[0])), ()).parts == {"weights": 300}  # type: ignore[union-attr]


def test_a_name_with_signs_of_a_pattern_is_only_itself(tmp_path: Path) -> None:
    files(tmp_path, "m[4]*-00001-of-00002.gguf", "m[4]*-00002-of-00002.gguf", "m4x-00001-of-00002.gguf")
    assert len(found(tmp_path, "m[4]*-00001-of-00002.gguf")) == 2


def test_a_folder_is_its_weights(tmp_path: Path) -> None:
    files(tmp_path, "b.safetensors", "a.safetensors", "config.json", "pytorch.bin", "x.gguf")
    assert found(tmp_path, "") == ["a.safetensors", "b.safetensors", "pytorch.bin", "x.gguf"]


def test_what_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert found(tmp_path, "none.gguf") == found(tmp_path, "none-00001-of-00002.gguf") == []
    assert weight_files(LocalModel(name="m", engine="ollama", id="m:7b")) == ()
