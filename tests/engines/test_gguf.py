"""The header reader: what it keeps, what it says of wrong files, and that hostile ones only ever cost an error."""

from __future__ import annotations

import os
import random
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tools.models.make_embed import write_embed
from tools.models.make_fixed import write_fixed_chat

from glowplug.engines import gguf
from glowplug.engines.gguf import Skipped
from glowplug.engines.weights import Trouble, WeightsError
from tests.support.gguf_files import header, text, value, write

KEYS: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.block_count": 2,
    "llama.rope.freq_base": 10000.0,
    "llama.flag": True,
    "llama.big": 2**40,
    "llama.attention.head_count_kv": [4, 0, 4, 0],
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "tokenizer.ggml.scores": [0.5] * 5000,
    "tokenizer.chat_template": "x" * 5000,
}
TENSORS = [("token_embd.weight", (64, 32)), ("blk.0.attn_q.weight", (64, 64), "q8_0"), ("output_norm.weight", (64,))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "m.gguf", KEYS, TENSORS)


def test_it_reads_keys_and_tensors(file: Path) -> None:
    found = gguf.read(file)
    assert (found.version, found.architecture, found.size) == (3, "llama", file.stat().st_size)
    assert found.number("llama.block_count") == 2
    assert found.number("llama.none") is None and found.number("llama.none", 7) == 7
    assert found.number("general.architecture") is None
    assert found.number("llama.big") == 2**40
    assert found.values["llama.rope.freq_base"] == 10000.0
    assert found.numbers("llama.attention.head_count_kv") == (4, 0, 4, 0)
    assert found.numbers("llama.block_count") == ()
    assert found.length("tokenizer.ggml.tokens") == 3 and found.length("llama.attention.head_count_kv") == 4
    assert found.length("llama.block_count") is None and found.text("llama.block_count") == ""
    assert found.values["tokenizer.ggml.scores"] == Skipped(5000)
    assert found.values["tokenizer.chat_template"] == Skipped(5000)
    assert [(t.name, t.shape, t.size) for t in found.tensors] == [
        ("token_embd.weight", (64, 32), 64 * 32 * 2),
        ("blk.0.attn_q.weight", (64, 64), 64 * 64 // 32 * 34),
        ("output_norm.weight", (64,), 256),
    ]
    with pytest.raises(TypeError):
        found.values["x"] = 1  # type: ignore[index]


def test_it_agrees_with_files_of_the_gguf_package(tmp_path: Path) -> None:
    from gguf import GGUFReader

    for build in (write_fixed_chat, write_embed):
        path = tmp_path / "m.gguf"
        build(path)
        ours, theirs = gguf.read(path), GGUFReader(path)
        assert [(t.name, t.size) for t in ours.tensors] == [(t.name, int(t.n_bytes)) for t in theirs.tensors]
        assert set(ours.values) == {key for key in theirs.fields if not key.startswith("GGUF.")}


def test_version_2_is_read_as_well(tmp_path: Path) -> None:
    raw, data = header(KEYS, TENSORS, version=2)
    (tmp_path / "m.gguf").write_bytes(raw + bytes(data))
    assert gguf.read(tmp_path / "m.gguf").version == 2


def trouble(path: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        gguf.read(path)
    assert caught.value.hint and path.name.split("-0")[0] in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (b"", Trouble.WRONG_FORMAT, "is not a GGUF file"),
        (b"<html>not found</html>", Trouble.WRONG_FORMAT, "is not a GGUF file"),
        (b"GGUF", Trouble.TRUNCATED, "it ends after 4 bytes"),
        (header({}, version=1)[0], Trouble.UNSUPPORTED, "version 1, known are 2 and 3"),
        (header({}, version=4)[0], Trouble.UNSUPPORTED, "version 4"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), Trouble.UNSUPPORTED, "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), Trouble.BROKEN, "claims 1152921504606846976 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), Trouble.BROKEN, "claims 0 tensors"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 99), Trouble.BROKEN, "type 99"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 0), Trouble.BROKEN, "a key of 0 bytes"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + (text("k") + value(1)) * 2, Trouble.BROKEN, "'k' twice"),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
            Trouble.BROKEN,
            "array of type 9",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 2**63),
            Trouble.BROKEN,
            "an array of 9223372036854775808 strings",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 12, 2**63),
            Trouble.TRUNCATED,
            "cut off in its header",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IQ", 8, 2**64 - 1),
            Trouble.TRUNCATED,
            "cut off in its header",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQQ", 9, 8, 3, 2**64 - 9),
            Trouble.TRUNCATED,
            "cut off in its header",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 2**31) + bytes(64),
            Trouble.BROKEN,
            "2147483648 dimensions",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, 64, 77, 0),
            Trouble.UNSUPPORTED,
            "number format 77",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQIQ", 1, 100, 12, 0),
            Trouble.BROKEN,
            "rows of 100 elements in blocks of 256",
        ),
        (
            b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<IQQQQIQ", 4, *[2**63] * 4, 0, 2**63),
            Trouble.TRUNCATED,
            "bytes are missing",
        ),
        (header({"general.alignment": 3})[0], Trouble.BROKEN, "no power of two"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_wrong_files_are_named(tmp_path: Path, raw: bytes, kind: Trouble, words: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(raw)
    error = trouble(path)
    assert (error.trouble, words in error.message) == (kind, True), error


def test_a_download_that_did_not_finish_says_how_much_is_missing(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.gguf", KEYS, TENSORS).stat().st_size
    error = trouble(write(tmp_path / "m.gguf", KEYS, TENSORS, cut=1000))
    assert error.trouble is Trouble.TRUNCATED
    assert f"1000 of {whole} bytes are missing" in error.message and "download it again" in error.hint


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert "is a folder" in trouble(tmp_path / "folder").message
    assert "is not a regular file" in trouble(tmp_path / "pipe").message
    assert trouble(tmp_path / "none").trouble is Trouble.MISSING
    with pytest.raises(WeightsError):
        gguf.read("a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(file: Path) -> None:
    file.chmod(0)
    assert trouble(file).trouble is Trouble.UNREADABLE


def _parts(folder: Path, count: int, leave_out: int = 0) -> list[Path]:
    out = []
    for number in range(1, count + 1):
        path = folder / f"m-{number:05}-of-{count:05}.gguf"
        if number != leave_out:
            keys = {**KEYS} if number == 1 else {}
            write(path, {**keys, "split.count": count, "split.no": number - 1}, [(f"blk.{number}.w", (64, 2))])
        out.append(path)
    return out


def test_all_parts_of_a_split_file_are_read_by_any_of_them(tmp_path: Path) -> None:
    parts = _parts(tmp_path, 3)
    for path in parts:
        found = gguf.read(path)
        assert [tensor.name for tensor in found.tensors] == ["blk.1.w", "blk.2.w", "blk.3.w"]
        assert found.parts == tuple(map(str, parts))
        assert found.size == sum(part.stat().st_size for part in parts)
        assert found.architecture == "llama", "the first part has the keys"


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    error = trouble(_parts(tmp_path, 3, leave_out=2)[0])
    assert error.trouble is Trouble.MISSING
    assert "1 of the 3 parts" in error.message and "m-00002-of-00003.gguf" in error.message


def test_a_part_with_another_name_and_too_many_parts_are_refused(tmp_path: Path) -> None:
    assert "not named like one" in trouble(write(tmp_path / "m.gguf", {"split.count": 3})).message
    assert "says that it has 60000 parts" in trouble(write(tmp_path / "n.gguf", {"split.count": 60000})).message


def test_a_large_vocabulary_is_passed_over_quickly_and_without_memory_of_its_own(tmp_path: Path) -> None:
    rng = random.Random(1)
    tokens = ["t" * rng.randint(1, 12) for _ in range(150_000)]
    path = write(tmp_path / "m.gguf", {**KEYS, "tokenizer.ggml.tokens": tokens}, TENSORS)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        found = gguf.read(path)
        took.append(time.perf_counter() - start)
    assert found.length("tokenizer.ggml.tokens") == 150_000
    assert min(took) < 0.05
    tracemalloc.start()
    try:
        gguf.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * path.stat().st_size, "no list of the tokens"


def test_a_header_has_a_limit_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "HEADER_LIMIT", 1 << 20)
    path = write(tmp_path / "m.gguf", {"a": "x" * (1 << 20), "b": 1})
    assert "is longer than 1 MiB" in trouble(path).message


def test_the_weights_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", KEYS, [("w", (1024, 1024 * 1024 * 50))])
    assert path.stat().st_size > 100 << 30
    assert gguf.read(path).tensors[0].size == 100 << 30


GOOD, DATA = header(KEYS, TENSORS)
EDGES = st.sampled_from([0, 1, 2, 8, 9, 2**16, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1])


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m.gguf"


def _only_its_own_error(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    try:
        found = gguf.read(path)
    except WeightsError:
        return
    assert found.size == len(raw)


FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(at=st.integers(4, len(GOOD) - 8), number=EDGES, width=st.sampled_from(["<I", "<Q"]), cut=st.integers(0, 64))
def test_a_number_that_is_wrong_anywhere_costs_an_error(
    scratch: Path, at: int, number: int, width: str, cut: int
) -> None:
    patch = struct.pack(width, number & (2**32 - 1) if width == "<I" else number)
    raw = GOOD[:at] + patch + GOOD[at + len(patch) :]
    _only_its_own_error(scratch, (raw + bytes(DATA))[: len(raw) + DATA - cut])


@FUZZ
@given(raw=st.binary(max_size=400))
def test_noise_behind_the_magic_costs_an_error(scratch: Path, raw: bytes) -> None:
    _only_its_own_error(scratch, b"GGUF" + struct.pack("<I", 3) + raw)


@FUZZ
@given(length=st.integers(0, len(GOOD)))
def test_every_length_costs_an_error(scratch: Path, length: int) -> None:
    _only_its_own_error(scratch, GOOD[:length])
