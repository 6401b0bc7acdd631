from __future__ import annotations

import os
from pathlib import Path

import msgspec

from glowplug.domain.model import LocalModel
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.ollama import Ollama
from glowplug.lifecycle.digest import command_digest, file_stamp, policy_of, weight_bytes

MODEL = LocalModel(name="m", engine="llamacpp", path="/w", command=("srv",))


def changed(**more: object) -> LocalModel:
    return msgspec.structs.replace(MODEL, **more)


def test_what_is_launched_makes_the_digest_and_what_is_decided_does_not() -> None:
    base = command_digest(LlamaCpp(), MODEL)
    same = changed(keep_alive=1.0, load_stall=1.0, load_ceiling=1.0, stop_timeout=1.0)
    assert command_digest(LlamaCpp(), same) == base
    others = [
        changed(path="/v"), changed(command=("srv", "x")), changed(options={"ctx_size": 1}), changed(args=("--x",)),
        changed(env={"A": "1"}), changed(port=1), changed(name="n"), changed(unit="u.service"), changed(image="i"),
    ]  # fmt: skip
    digests = {command_digest(LlamaCpp(), other) for other in others}
    assert len(digests) == len(others) and base not in digests


def test_of_a_hosted_model_the_digest_says_what_it_is_loaded_with() -> None:
    """Its command line is the daemon's, the same for all."""
    one = LocalModel(name="m", engine="ollama", id="mistral:7b", options={"num_ctx": 4096})
    others = [msgspec.structs.replace(one, id="mistral"), msgspec.structs.replace(one, options={"num_ctx": 8192})]
    assert len({command_digest(Ollama(), model) for model in (one, *others)}) == 3
    assert command_digest(Ollama(), msgspec.structs.replace(one, keep_alive=1.0)) == command_digest(Ollama(), one)


def test_the_policy_is_the_models() -> None:
    policy = policy_of(LlamaCpp(), changed(keep_alive=7.0, port=5, stop_timeout=3.0))
    assert (policy.keep_alive, policy.fixed_port, policy.stop_timeout) == (7.0, True, 3.0)


def test_the_stamp_changes_with_any_file_the_model_names(tmp_path: Path) -> None:
    weights, projector, program = tmp_path / "w", tmp_path / "p", tmp_path / "srv"
    model = changed(path=str(weights), options={"mmproj": str(projector)}, command=(str(program),))
    stamps = [file_stamp(model)]
    for step in (weights.touch, projector.touch, program.touch, lambda: program.chmod(0o755)):
        step()
        stamps.append(file_stamp(model))
    weights.write_bytes(b"x")
    os.utime(weights, (1, 1))
    stamps.append(file_stamp(model))
    assert len(set(stamps)) == len(stamps) - 1, "a program that cannot be run is no program"
    assert file_stamp(model) == file_stamp(model)


def test_the_size_of_the_weights_is_that_of_the_file_its_parts_or_its_folder(tmp_path: Path) -> None:
    for name, size in (
        ("m.gguf", 10), ("m-00001-of-00002.gguf", 20), ("m-00002-of-00002.gguf", 30),
        ("m-q8-00001-of-00002.gguf", 400), ("m-00001-of-00003.gguf", 500), ("mm-00002-of-00002.gguf", 600),
        ("m-extra-of-00002.gguf", 700), ("m-000002-of-00002.gguf", 800), ("12345", 900),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(b"x" * size)
    (tmp_path / "folder").mkdir()
    assert weight_bytes(changed(path=str(tmp_path / "m.gguf"))) == 10
    assert weight_bytes(changed(path=str(tmp_path / "m-00001-of-00002.gguf"))) == 50
    assert weight_bytes(changed(path=str(tmp_path))) == 3960
    assert weight_bytes(changed(path=str(tmp_path / "none"))) == weight_bytes(changed(path="")) == 0
    assert weight_bytes(changed(path=str(tmp_path / "none" / "m-00001-of-00002.gguf"))) == 0


def test_the_load_ceiling_grows_with_the_weights(tmp_path: Path) -> None:
    weights = tmp_path / "w"
    with weights.open("wb") as file:
        file.truncate(3 << 30)
    assert policy_of(LlamaCpp(), changed(path=str(weights), load_ceiling=600.0)).load_ceiling == 660.0
    assert policy_of(LlamaCpp(), changed(path=str(tmp_path / "none"), load_ceiling=600.0)).load_ceiling == 600.0


def test_the_policy_knows_whether_it_may_sleep() -> None:
    assert policy_of(LlamaCpp(), changed(sleep=True)).sleeps
    assert not policy_of(LlamaCpp(), MODEL).sleeps
