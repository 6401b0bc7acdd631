"""The arithmetic against llama.cpp itself: what it will take by our account, and the buffers its log names.

With the wheel always; with a real llama-server and its estimator when LLAMA_SERVER_BIN names one.  Run as a program
(`python -m tests.engines.test_llamacpp_memory_measured`) it prints the table of docs/design/memory-estimates.md.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools.models.make_embed import write_embed

from glowplug.domain.model import LocalModel
from glowplug.engines import gguf
from glowplug.engines.llamacpp_estimate import Files, ask_program, fit_program, sharing
from glowplug.engines.llamacpp_log import _BUFFER
from glowplug.engines.llamacpp_memory import Fit, need
from glowplug.engines.llamacpp_model import facts
from glowplug.engines.llamacpp_settings import settings
from tests.support import gguf_models
from tests.support.gguf_models import Dims
from tests.support.llamacpp import command, environment, free_port

MIB = 1 << 20
SERVER = os.environ.get("LLAMA_SERVER_BIN", "")


@dataclass(frozen=True)
class Case:
    name: str
    build: Callable[[Path], object]
    flags: tuple[str, ...] = ()


def _llama(**dims: int) -> Callable[[Path], object]:
    return lambda path: gguf_models.llama(path, Dims(**dims))


CASES = [
    Case("llama, GQA 8:2", _llama()),
    Case("llama, context 20000", _llama(), ("-c", "20000")),
    Case("llama, 3 slots of their own", _llama(), ("-np", "3", "-c", "5000")),
    Case("llama, wide ffn", _llama(ffn=8192)),
    Case("llama, 32 heads", _llama(heads=32)),
    Case("llama, vocabulary 64000", _llama(vocab=64_000)),
    Case("llama, tied output", lambda path: gguf_models.llama(path, tied=True)),
    Case("llama, q8_0 keys, q4_0 values", _llama(), ("-ctk", "q8_0", "-ctv", "q4_0", "-fa", "on")),
    Case("llama, no flash attention", _llama(), ("-fa", "off")),
    Case("llama, ubatch 1024", _llama(), ("-ub", "1024")),
    Case("mixtral, 8 experts", gguf_models.mixtral),
    Case("gemma3, windows", gguf_models.gemma3),
    Case("gemma3, 2 slots of their own", gguf_models.gemma3, ("-np", "2")),
    Case("deepseek2, MLA", gguf_models.deepseek2),
    Case("mamba", gguf_models.mamba),
    Case("mamba, 8 slots", gguf_models.mamba, ("-np", "8")),
    Case("jamba, hybrid", gguf_models.jamba),
    Case("bert, embeddings", write_embed, ("--embeddings",)),
]


def predicted(path: Path, flags: Sequence[str]) -> dict[str, int]:
    found = facts(gguf.read(path))
    assert found is not None
    return need(found, settings(LocalModel(name="m", engine="llamacpp", path=str(path), args=tuple(flags)), {}), 0).host


def measured(argv: Sequence[str]) -> dict[str, float]:
    """MiB by kind of buffer, from the log of a launch that is ended when it listens."""
    sizes: dict[str, float] = {}
    seen = []
    with subprocess.Popen(
        argv, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(line)
            if match := _BUFFER.search(line):
                kind = match.group(2)
                again = 0.0 if kind == "compute" else sizes.get(kind, 0.0)
                sizes[kind] = again + float(match.group(3))
            if "listening on" in line:
                break
        process.kill()
    assert sizes.get("model"), "".join(seen[-20:])
    return sizes


def _agree(ours: dict[str, int], theirs: dict[str, float]) -> None:
    def mib(name: str) -> float:
        return ours.get(name, 0) / MIB

    assert mib("weights") == pytest.approx(theirs["model"], rel=0.01, abs=0.1)
    assert mib("kv") == pytest.approx(theirs.get("KV", 0.0), rel=0.001, abs=0.01)
    assert mib("recurrent") == pytest.approx(theirs.get("RS", 0.0), rel=0.01, abs=0.01)
    assert mib("output") == pytest.approx(theirs.get("output", 0.0), rel=0.1, abs=0.02)
    # The scratch is the uncertain part; never much too small, for that is what runs out of memory.
    assert 0.95 * theirs["compute"] - 0.5 <= mib("compute") <= 1.5 * theirs["compute"] + 2.5


def _launch(program: Sequence[str], path: Path, flags: Sequence[str]) -> dict[str, float]:
    return measured([*program, "-m", str(path), "--port", str(free_port()), "-lv", "4", "--fit", "off", *flags])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_wheels_engine_takes_what_was_said(case: Case, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    path = tmp_path / "m.gguf"
    case.build(path)
    _agree(predicted(path, case.flags), _launch(command(), path, (*case.flags, "--no-warmup")))


@pytest.mark.skipif(not SERVER, reason="LLAMA_SERVER_BIN names no llama-server")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_server_takes_what_was_said(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    case.build(path)
    _agree(predicted(path, case.flags), _launch([SERVER], path, (*case.flags, "--no-warmup", "--no-repack")))


LARGE = Case(
    "llama 8B, 131072 tokens",
    lambda path: gguf_models.llama(
        path,
        Dims(layers=32, embedding=4096, heads=32, kv_heads=8, head=128, ffn=14336, vocab=128_256, context=131_072),
        kind="q4_k",
    ),
)
"""Too large to be loaded here; the estimator does not load."""


@pytest.mark.skipif(fit_program([SERVER]) is None, reason="LLAMA_SERVER_BIN has no llama-fit-params beside it")
@pytest.mark.parametrize("case", [*CASES, LARGE], ids=lambda case: case.name)
def test_its_estimator_says_the_same(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    case.build(path)
    model = LocalModel(name="m", engine="llamacpp", path=str(path), args=case.flags, command=(SERVER,))
    found = facts(gguf.read(path))
    program = fit_program(model.command)
    assert found is not None and program is not None
    chosen = settings(model, {})
    asked = ask_program(program, model, Files(found, chosen), Fit(chosen, 0), [])
    assert asked is not None and asked[1] is False
    ours, theirs = need(found, chosen, 0).host, sharing(asked[0], found, Fit(chosen, 0)).host
    assert theirs["weights"] == pytest.approx(ours["weights"], abs=1.5 * MIB)
    cache = ours.get("kv", 0) + ours.get("recurrent", 0)
    assert theirs["kv"] == pytest.approx(cache, abs=1.5 * MIB)


def main() -> None:
    """Print the table, with a real server's numbers if there is one."""
    program = [SERVER] if SERVER else command()
    print("| model | weights | cache | compute |\n|---|---|---|---|")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.gguf"
            case.build(path)
            ours, theirs = predicted(path, case.flags), _launch(program, path, (*case.flags, "--no-warmup"))
        cache = (ours.get("kv", 0) + ours.get("recurrent", 0)) / MIB
        pairs = [
            (ours["weights"] / MIB, theirs["model"]),
            (cache, theirs.get("KV", 0.0) + theirs.get("RS", 0.0)),
            (ours["compute"] / MIB, theirs["compute"]),
        ]
        print(f"| {case.name} | " + " | ".join(f"{a:.2f} / {b:.2f}" for a, b in pairs) + " |")


if __name__ == "__main__":
    main()
