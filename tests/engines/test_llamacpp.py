from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.engines.llamacpp_options import OPTIONS
from glowplug.engines.registry import ENGINES
from tests.support import gguf_models
from tests.support.gguf_files import write

ENGINE = LlamaCpp()
END = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=4711, key="k")
BASE = ("srv", "-m", "/w.gguf", "--host", "127.0.0.1", "--port", "4711", "--alias", "chat-x")


def model(**more: object) -> LocalModel:
    return LocalModel(**{"name": "chat-x", "engine": "llamacpp", "path": "/w.gguf", "command": ("srv",), **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gguf_models.llama(tmp_path_factory.mktemp("m") / "m.gguf")


def test_the_registry_has_it_and_cannot_be_changed() -> None:
    assert ENGINES["llamacpp"].name == "llamacpp"
    with pytest.raises(TypeError):
        ENGINES["x"] = ENGINE  # type: ignore[index]


@pytest.mark.parametrize(
    ("more", "known", "tail"),
    [
        ({}, None, ()),
        ({}, frozenset({"--metrics", "--no-webui", "--offline"}), ("--metrics", "--no-webui", "--offline")),
        ({}, frozenset({"--metrics", "--no-ui", "--no-webui"}), ("--metrics", "--no-ui")),
        ({"options": {"ctx_size": 8192}, "args": ("--mlock",)}, None, ("--ctx-size", "8192", "--mlock")),
        ({"options": {"ctx_size": 8192}}, frozenset({"-c"}), ("-c", "8192")),
        ({"options": {"gpu_layers": 99}}, frozenset({"--n-gpu-layers"}), ("--n-gpu-layers", "99")),
        ({"options": {"flash_attention": "on"}}, None, ("--flash-attn", "on")),
        ({"options": {"jinja": False}}, None, ("--no-jinja",)),
        ({"options": {"reranking": False}}, None, ()),
        ({"capabilities": (Capability.EMBEDDINGS,)}, None, ("--embeddings",)),
        ({"capabilities": (Capability.EMBEDDINGS,), "options": {"embeddings": False}}, None, ()),
        ({"capabilities": (Capability.RERANK,)}, None, ("--reranking",)),
        ({"options": {"mmproj": "/eyes"}}, None, ("--mmproj", "/eyes")),
        (
            {"options": {"draft_model": "/d", "draft_gpu_layers": 9}},
            frozenset({"-md", "-ngld"}),
            ("-md", "/d", "-ngld", "9"),
        ),
        (
            {"options": {"draft_model": "/d"}},
            frozenset({"-md", "--spec-type"}),
            ("-md", "/d", "--spec-type", "draft-simple"),
        ),
        (
            {"options": {"draft_model": "/d", "draft_type": "draft-mtp"}},
            frozenset({"-md", "--spec-type"}),
            ("-md", "/d", "--spec-type", "draft-mtp"),
        ),
    ],
)
def test_argv(more: dict[str, object], known: frozenset[str] | None, tail: tuple[str, ...]) -> None:
    assert ENGINE.argv(model(**more), END, known) == BASE + tail


def test_every_option_has_a_flag_and_a_help_text() -> None:
    for name, option in OPTIONS.items():
        assert option.flags and all(flag.startswith("-") for flag in option.flags), name
        assert option.help, name


def test_preflight(tmp_path: Path) -> None:
    weights = tmp_path / "w.gguf"
    good = {"path": str(weights), "command": (sys.executable,)}
    missing = ENGINE.preflight(model(**good))
    assert missing is not None and missing.kind is FailureKind.MISSING_FILE and str(weights) in missing.message
    write(weights, {"general.architecture": "llama"})
    assert ENGINE.preflight(model(**good)) is None
    program = ENGINE.preflight(model(path=str(weights), command=("no-such-program-anywhere",)))
    assert program is not None and program.kind is FailureKind.MISSING_PROGRAM
    projector = ENGINE.preflight(model(**good, options={"mmproj": str(tmp_path / "p.gguf")}))
    assert projector is not None and "mmproj" in projector.message
    wrong = ENGINE.preflight(model(**good, options={"ctx_siz": 1}))
    assert wrong is not None and wrong.kind is FailureKind.BAD_FLAG and "did you mean ctx_size?" in wrong.message
    unknown = ENGINE.preflight(model(**good, options={"ctx_size": 1}), frozenset({"-m"}))
    assert unknown is not None and "does not know --ctx-size" in unknown.message
    assert ENGINE.preflight(model(**good, options={"ctx_size": 1}), frozenset({"-c"})) is None
    template = ENGINE.preflight(model(**good, options={"chat_template_file": str(tmp_path / "none")}))
    assert template is not None and template.kind is FailureKind.MISSING_FILE
    both = ENGINE.preflight(model(**good, capabilities=(Capability.EMBEDDINGS, Capability.RERANK)))
    assert both is not None and "not both" in both.message


@pytest.mark.parametrize("what", ["weights", "mmproj", "lora", "draft_model"])
@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (
            lambda path: write(path, {}, [("w", (64, 64))], cut=100),
            FailureKind.BAD_MODEL,
            "100 of 8288 bytes are missing",
        ),
        (lambda path: path.write_bytes(b"\x80\x02pickle"), FailureKind.BAD_MODEL, "is not a GGUF file"),
        (lambda path: path.mkdir(), FailureKind.MISSING_FILE, "is a folder"),
        (lambda path: write(path, {"split.count": 2}), FailureKind.MISSING_FILE, "one of 2 parts"),
        (lambda path: None, FailureKind.MISSING_FILE, "does not exist"),
    ],
)
def test_files_that_cannot_be_loaded_are_found_before_the_launch(
    tmp_path: Path, what: str, spoil: Callable[[Path], object], kind: FailureKind, words: str
) -> None:
    good, bad = write(tmp_path / "good.gguf", {}), tmp_path / "bad.gguf"
    spoil(bad)
    given = {"path": str(bad)} if what == "weights" else {"path": str(good), "options": {what: str(bad)}}
    failure = ENGINE.preflight(model(**given, command=(sys.executable,)))
    assert failure is not None and failure.kind is kind
    assert what in failure.message and words in failure.message and failure.hint


GPU = Place(
    claim={"gpu0": 1, "host": 1}, totals={"gpu0": 24 << 30, "host": 64 << 30}, indexes={"gpu0": 3}, kind="nvidia"
)
HOST = Place(claim={"host": 1}, totals={"host": 64 << 30})
NEW = frozenset({"--ctx-size", "--gpu-layers", "--fit", "--verbosity"})
OLD = frozenset({"-c", "-ngl"})


@pytest.mark.parametrize(
    ("place", "known", "more", "tail"),
    [
        (None, NEW, {}, ()),
        (Place(), NEW, {}, ()),
        (HOST, NEW, {}, ("--ctx-size", "4096", "--fit", "off")),
        (GPU, NEW, {}, ("--verbosity", "4", "--ctx-size", "4096", "--gpu-layers", "5", "--fit", "off")),
        (GPU, OLD, {}, ("-c", "4096", "-ngl", "5")),
        (GPU, None, {}, ("--ctx-size", "4096", "--gpu-layers", "5")),
        (
            GPU,
            NEW,
            {"options": {"ctx_size": 0, "gpu_layers": 2, "fit": "off", "verbosity": 1}},
            ("--ctx-size", "0", "--gpu-layers", "2", "--fit", "off", "--verbosity", "1"),
        ),
        (GPU, NEW, {"options": {"fit": "on"}}, ("--fit", "on", "--verbosity", "4")),
        (GPU, NEW, {"args": ("-fit", "on", "-lv", "3")}, ("-fit", "on", "-lv", "3")),
        (HOST, NEW, {"args": ("-c", "512")}, ("--fit", "off", "-c", "512")),
        (GPU, NEW, {"path": "/no/such/file"}, ("--verbosity", "4")),
    ],
)
def test_the_place_decides_what_was_left_open(
    weights: Path, place: Place | None, known: frozenset[str] | None, more: dict[str, Any], tail: tuple[str, ...]
) -> None:
    one = model(**{"path": str(weights), **more})
    argv = ENGINE.argv(one, END, known, place)
    assert argv[:3] == ("srv", "-m", one.path)
    assert argv[len(BASE) :] == tail


def test_only_the_accelerators_of_its_place_are_shown() -> None:
    assert ENGINE.env(model(), GPU) == {"CUDA_VISIBLE_DEVICES": "3", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    assert ENGINE.env(model(), HOST) == {}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(200, Readiness.READY), (503, Readiness.LOADING), (404, Readiness.WRONG), (500, Readiness.WRONG)],
)
def test_health(status: int, meaning: Readiness) -> None:
    assert ENGINE.read_health(status, b"", model()) is meaning


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b'{"object":"list","data":[{"id":"chat-x"}]}', ""),
        (200, b'{"data":[{"id":"other"}]}', "it serves other, not chat-x"),
        (200, b"{}", "it serves nothing, not chat-x"),
        (200, b"<html>", "/v1/models is not a model list"),
        (401, b"", "it refused the key of this launch, so it is another server"),
        (404, b"", "/v1/models answered 404"),
    ],
)
def test_identity(status: int, body: bytes, problem: str) -> None:
    assert ENGINE.read_identity(status, body, model()) == problem


@pytest.mark.parametrize(
    ("code", "lines", "kind", "part"),
    [
        (1, ["x", "error: invalid argument: --no-mmap"], FailureKind.BAD_FLAG, "--no-mmap (exit code 1)"),
        (2, ["prog: error: unrecognized arguments: --foo"], FailureKind.BAD_FLAG, "--foo"),
        (1, ["start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1"], FailureKind.PORT_TAKEN, "bind"),
        (
            1,
            ["ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory", "failed to load model"],
            FailureKind.OUT_OF_MEMORY,
            "cudaMalloc",
        ),
        (1, ["unable to allocate CUDA0 buffer"], FailureKind.OUT_OF_MEMORY, "CUDA0"),
        (
            1,
            ["llama_model_load: error loading model: bad", "srv: failed to load model, '/w'"],
            FailureKind.BAD_MODEL,
            "/w",
        ),
        (1, ["RuntimeError: Failed to init server, please check"], FailureKind.BAD_MODEL, "init server"),
        (-11, ["all fine"], FailureKind.CRASH, "signal 11 (SIGSEGV)"),
        (None, [], FailureKind.CRASH, "exit code unknown"),
    ],
)
def test_classify(code: int | None, lines: list[str], kind: FailureKind, part: str) -> None:
    failure = ENGINE.classify(code, lines)
    assert failure.kind is kind
    assert part in failure.message
    assert failure.hint
    assert failure.log_tail == tuple(lines)


def test_only_the_last_lines_go_into_a_failure() -> None:
    assert ENGINE.classify(1, [str(n) for n in range(100)]).log_tail == tuple(str(n) for n in range(80, 100))


@pytest.mark.parametrize(
    ("lines", "stage", "fraction"),
    [
        ([], "", None),
        (["build: 1"], "", None),
        (["load_tensors: loading model tensors, this can take a while..."], "loading weights", None),
        (["load_tensors: x", "." * 37], "loading weights", 0.37),
        (["load_tensors: x", "." * 100, "llama_context: n_ctx = 1"], "allocating the context", None),
        (["llama_context: x", "common_init: warming up the model"], "warming up", None),
        (["main: server is listening on http://127.0.0.1:1"], "starting the server", None),
    ],
)
def test_progress(lines: list[str], stage: str, fraction: float | None) -> None:
    progress = ENGINE.progress(lines)
    assert (progress.stage, progress.fraction) == (stage, fraction)
