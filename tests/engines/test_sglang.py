from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from glowplug.domain.footprint import Place, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.sglang import (
    CACHE_MOST,
    HOST_BYTES,
    KEY_FROM_ENVIRONMENT,
    WORKING,
    Sglang,
    static_share,
    takes_key_from_environment,
)

ENGINE = Sglang()
END = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=4711, key="launch-key")
GIB = 1 << 30
BASE = (
    "--model-path", "/w", "--served-model-name", "chat-x", "--host", "127.0.0.1", "--port", "4711",
    "--log-level-http", "warning",
)  # fmt: skip
BEGIN = ("python3", "-c", KEY_FROM_ENVIRONMENT, "sglang.launch_server")
SLEEPY = frozenset({"--enable-memory-saver", "--enable-weights-cpu-backup"})


def model(**more: object) -> LocalModel:
    given = {"name": "chat-x", "engine": "sglang", "path": "/w", "command": ENGINE.default_command}
    return LocalModel(**{**given, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "known", "tail"),
    [
        ({}, None, ()),
        ({"options": {"context_length": 8192}, "args": ("--x",)}, None, ("--context-length", "8192", "--x")),
        ({"options": {"tp_size": 2}}, frozenset({"--tensor-parallel-size"}), ("--tensor-parallel-size", "2")),
        ({"options": {"disable_cuda_graph": True}}, None, ("--disable-cuda-graph",)),
        ({"sleep": True}, SLEEPY, ("--enable-memory-saver", "--enable-weights-cpu-backup")),
        ({"sleep": True}, frozenset({"--enable-memory-saver"}), ()),
        ({"sleep": True}, None, ()),
        ({"capabilities": (Capability.EMBEDDINGS,)}, None, ("--is-embedding",)),
    ],
)
def test_argv(more: dict[str, object], known: frozenset[str] | None, tail: tuple[str, ...]) -> None:
    assert ENGINE.argv(model(**more), END, known) == (*BEGIN, *BASE, *tail)


def test_a_module_reads_the_key_from_the_environment(tmp_path: Path) -> None:
    """With the real words and a real Python: what the module sees, and what others could see."""
    (tmp_path / "shown.py").write_text(
        "import json, multiprocessing, os, sys\n"
        "def child(queue): queue.put(__name__)\n"
        "if __name__ == '__main__':\n"
        "    with open('/proc/self/cmdline') as file: line = file.read().split('\\0')\n"
        "    context = multiprocessing.get_context('spawn'); queue = context.Queue()\n"
        "    process = context.Process(target=child, args=(queue,)); process.start()\n"
        "    print(json.dumps([sys.argv, line, dict(os.environ), queue.get(timeout=60)])); process.join()\n"
    )
    argv = ENGINE.argv(model(command=(sys.executable, "-m", "shown")), END)
    env = {**os.environ, **ENGINE.secrets(END), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    seen, line, environment, child = json.loads(done.stdout)
    assert seen[1:] == [*BASE, "--api-key", "launch-key"]
    assert "launch-key" not in " ".join(line) and "SGLANG_API_KEY" not in environment
    assert child == "__mp_main__", "processes that it spawns find its module"


def test_another_command_has_the_key_on_its_command_line_and_an_identity_without_one() -> None:
    assert not takes_key_from_environment(("sglang", "serve"))
    one = model(command=("sglang", "serve"))
    assert ENGINE.argv(one, END) == ("sglang", "serve", "--api-key", "launch-key", *BASE)
    nameless = Endpoint(instance="", model="chat-x", host="127.0.0.1", port=0, key="")
    assert "--api-key" not in ENGINE.argv(one, nameless)


def place(claim: float, *, total: float | None = 24, free: float | None = None) -> Place:
    return Place(
        claim={"gpu0": int(claim * GIB), HOST: GIB},
        totals={"gpu0": int(total * GIB)} if total else {},
        free={"gpu0": int(free * GIB)} if free else {},
        indexes={"gpu0": 0},
        kind="nvidia",
    )


@pytest.mark.parametrize(
    ("given", "share"),
    [
        (place(14), 0.5),
        (place(14, free=16), 0.75),
        (place(14, free=13), 0.923),
        (place(24, free=20), 0.95),
        (place(2), 0.041),  # half of it: one GiB of 24
        (place(14, total=None), None),
        (Place(claim={HOST: GIB}), None),
    ],
)
def test_the_share_of_what_is_free(given: Place, share: float | None) -> None:
    assert static_share(given) == share
    argv = ENGINE.argv(model(), END, None, given)
    found = argv[argv.index("--mem-fraction-static") + 1] if "--mem-fraction-static" in argv else None
    assert found == (None if share is None else str(share))
    chosen = ENGINE.argv(model(options={"mem_fraction_static": 0.3}), END, None, given)
    assert chosen[chosen.index("--mem-fraction-static") + 1] == "0.3"


def test_several_devices_are_split_over() -> None:
    two = Place(
        claim={"gpu0": 14 * GIB, "gpu1": 8 * GIB},
        totals={"gpu0": 24 * GIB, "gpu1": 24 * GIB},
        indexes={"gpu0": 0, "gpu1": 1},
        kind="nvidia",
    )
    argv = ENGINE.argv(model(), END, None, two)
    assert argv[-4:] == ("--tp-size", "2", "--mem-fraction-static", "0.25")


def test_its_health_may_not_generate() -> None:
    env = ENGINE.env(model())
    assert env["SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION"] == "false" and env["HF_HUB_OFFLINE"] == "1"
    assert ENGINE.env(model(env={"HF_HUB_OFFLINE": "0"}))["HF_HUB_OFFLINE"] == "0"
    assert ENGINE.read_health(503, b"", model()) is Readiness.LOADING


CARD = Device(id="gpu0", kind=DeviceKind.NVIDIA, name="card", total=24 * GIB, used=0)


def test_an_estimate(tmp_path: Path) -> None:
    text = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
    (tmp_path / "config.json").write_text(json.dumps({**text, "max_position_embeddings": 8192}))
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(6 * GIB)
    path = str(tmp_path)
    footprint = ENGINE.estimate(model(path=path, sleep=True), (CARD,))
    assert footprint is not None and footprint.source is Source.POLICY
    assert footprint.parts == {"weights": 6 * GIB, "kv": CACHE_MOST, "compute": WORKING}
    assert footprint.host == HOST_BYTES + 6 * GIB, "asleep, the weights lie in the host's memory"
    counted = ENGINE.estimate(model(path=path, options={"max_total_tokens": 8192}), (CARD,))
    assert counted is not None and counted.parts["kv"] == GIB
    declared = ENGINE.estimate(model(path="/gone", memory=GIB), (CARD,))
    assert declared is not None and declared.device == GIB and declared.source is Source.POLICY
    assert ENGINE.estimate(model(path="/gone"), (CARD,)) is None


def test_preflight(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    here = {"path": str(tmp_path), "command": (sys.executable, "-m", "sglang.launch_server")}
    assert ENGINE.preflight(model(**here)) is None
    for more, kind in (
        ({"command": ("no-such-python", "-m", "x")}, FailureKind.MISSING_PROGRAM),
        ({"path": "/gone"}, FailureKind.MISSING_FILE),
        ({"options": {"mem_fraction_static": 1.0}}, FailureKind.BAD_FLAG),
        ({"options": {"contxt_length": 1}}, FailureKind.BAD_FLAG),
    ):
        failure = ENGINE.preflight(model(**{**here, **more}))
        assert failure is not None and failure.kind is kind
    unknown = ENGINE.preflight(model(**here, options={"tp_size": 1}), frozenset({"--port"}))
    assert unknown is not None and "does not know --tp-size" in unknown.message


def test_sleep_and_wake() -> None:
    sleeping = ENGINE.sleeping(model(sleep=True), SLEEPY)
    assert sleeping is not None
    assert [(r.method, r.path, r.body) for r in sleeping.sleep] == [("POST", "/release_memory_occupation", b"{}")]
    assert [(r.method, r.path, r.body) for r in sleeping.wake] == [("POST", "/resume_memory_occupation", b"{}")]
    assert ENGINE.sleeping(model(sleep=True), frozenset({"--enable-memory-saver"})) is None, "its weights would be lost"


def test_it_is_divided_over_as_many_accelerators_as_it_was_told() -> None:
    footprint = ENGINE.estimate(model(memory=9 * GIB, options={"tp_size": 2}), (CARD,))
    assert footprint is not None and footprint.shards == 2
    on_host = ENGINE.estimate(model(memory=9 * GIB, options={"tp_size": 2}), ())
    assert on_host is not None and on_host.shards == 0
