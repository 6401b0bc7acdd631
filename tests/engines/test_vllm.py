from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from glowplug.domain.footprint import Place, Source
from glowplug.domain.hardware import HOST, Device, DeviceKind
from glowplug.domain.instance import Endpoint, FailureKind
from glowplug.domain.model import Capability, LocalModel
from glowplug.engines.base import Readiness
from glowplug.engines.vllm import CACHE_MOST, CONTEXT, HOST_BYTES, WORKING, Vllm, memory_share

ENGINE = Vllm()
END = Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=4711, key="k")
GIB = 1 << 30
TAIL = ("--served-model-name", "chat-x", "--host", "127.0.0.1", "--port", "4711")
SLEEPY = frozenset({"--enable-sleep-mode"})


def model(**more: object) -> LocalModel:
    return LocalModel(**{"name": "chat-x", "engine": "vllm", "path": "/w", "command": ("vllm", "serve"), **more})  # type: ignore[arg-type]


def cards(*claims: float, total: float = 24) -> Place:
    """A place on cards of `total` GiB with so many GiB on each."""
    ids = [f"gpu{number}" for number in range(len(claims))]
    return Place(
        claim={**{id: int(claim * GIB) for id, claim in zip(ids, claims, strict=True)}, HOST: GIB},
        totals={**dict.fromkeys(ids, int(total * GIB)), HOST: 64 * GIB},
        indexes={id: number for number, id in enumerate(ids)},
        kind="nvidia",
    )


@pytest.mark.parametrize(
    ("more", "known", "tail"),
    [
        ({}, None, ()),
        ({}, frozenset({"--disable-uvicorn-access-log"}), ("--disable-uvicorn-access-log",)),
        ({"options": {"max_model_len": 8192}, "args": ("--x",)}, None, ("--max-model-len", "8192", "--x")),
        ({"options": {"enforce_eager": True}}, None, ("--enforce-eager",)),
        ({"options": {"enable_prefix_caching": False}}, frozenset({"--no-enable-prefix-caching"}),
         ("--no-enable-prefix-caching",)),
        ({"options": {"tensor_parallel_size": 2}}, frozenset({"-tp"}), ("-tp", "2")),
        ({"options": {"sleep_level": 2}}, None, ()),
        ({"sleep": True}, None, ()),
        ({"sleep": True}, SLEEPY, ("--enable-sleep-mode",)),
        ({}, SLEEPY, ()),
        ({"capabilities": (Capability.EMBEDDINGS,)}, None, ("--runner", "pooling")),
        ({"capabilities": (Capability.RERANK,), "options": {"runner": "auto"}}, None, ("--runner", "auto")),
        ({"capabilities": (Capability.CHAT, Capability.EMBEDDINGS)}, None, ()),
    ],
)  # fmt: skip
def test_argv(more: dict[str, object], known: frozenset[str] | None, tail: tuple[str, ...]) -> None:
    assert ENGINE.argv(model(**more), END, known) == ("vllm", "serve", "/w", *TAIL, *tail)


def test_the_module_takes_the_model_by_a_flag_and_a_hub_name_is_one_too() -> None:
    command = ("py", "-m", "vllm.entrypoints.openai.api_server")
    assert ENGINE.argv(model(command=command), END) == (*command, "--model", "/w", *TAIL)
    assert ENGINE.argv(model(path="", id="org/name"), END)[:3] == ("vllm", "serve", "org/name")


@pytest.mark.parametrize(
    ("place", "share"),
    [
        (cards(12.5), 0.5),
        (cards(13), 0.520),  # 12.5 / 24 = 0.52083…
        (cards(24), 0.979),
        (cards(40, total=24), 0.98),
        (cards(0.1), 0.001),
        (cards(12.5, 6.5), 0.25),
        (Place(claim={"gpu0": GIB}, indexes={"gpu0": 0}, kind="nvidia"), None),
        (Place(claim={HOST: GIB}, totals={HOST: 64 * GIB}), None),
    ],
)
def test_the_share_keeps_the_claim_of_every_device(place: Place, share: float | None) -> None:
    assert memory_share(place) == share
    argv = ENGINE.argv(model(), END, None, place)
    found = argv[argv.index("--gpu-memory-utilization") + 1] if "--gpu-memory-utilization" in argv else None
    assert found == (None if share is None else str(share))
    if share is not None and share not in (0.98, 0.001):
        for id in place.accelerators:
            assert share * place.totals[id] + CONTEXT <= place.claim[id]


def test_a_share_that_somebody_chose_stands_and_devices_are_split_over() -> None:
    argv = ENGINE.argv(model(options={"gpu_memory_utilization": 0.3}), END, None, cards(12, 12))
    assert argv[-4:] == ("--gpu-memory-utilization", "0.3", "--tensor-parallel-size", "2")
    argv = ENGINE.argv(model(options={"pipeline_parallel_size": 2}), END, None, cards(12, 12))
    assert "--tensor-parallel-size" not in argv


def test_nothing_is_downloaded_or_reported_unless_somebody_says_so() -> None:
    env = ENGINE.env(model())
    assert (env["HF_HUB_OFFLINE"], env["VLLM_NO_USAGE_STATS"], env["DO_NOT_TRACK"]) == ("1", "1", "1")
    assert "VLLM_SERVER_DEV_MODE" not in env and "VLLM_CPU_KVCACHE_SPACE" not in env
    assert ENGINE.env(model(env={"HF_HUB_OFFLINE": "0"}))["HF_HUB_OFFLINE"] == "0"
    assert ENGINE.env(model(sleep=True))["VLLM_SERVER_DEV_MODE"] == "1"
    assert ENGINE.secrets(END) == {"VLLM_API_KEY": "k"}


@pytest.mark.parametrize(("budget", "space"), [(2, "1"), (6.5, "1"), (7.5, "2"), (13.4, "7")])
def test_without_accelerators_the_cache_is_whole_gib_of_the_budget(tmp_path: Path, budget: float, space: str) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(GIB)  # takes no room on the disk
    place = Place(claim={HOST: int(budget * GIB)}, totals={HOST: 64 * GIB})
    one = model(path=str(tmp_path), sleep=True)
    assert ENGINE.env(one, place)["VLLM_CPU_KVCACHE_SPACE"] == space
    argv = ENGINE.argv(one, END, SLEEPY, place)
    assert "--gpu-memory-utilization" not in argv and "--enable-sleep-mode" not in argv, "it would end at once"


def weights(folder: Path, size: int, **config: int) -> str:
    text = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
    (folder / "config.json").write_text(json.dumps({**text, "max_position_embeddings": 8192, **config}))
    with (folder / "model.safetensors").open("wb") as file:
        file.truncate(size)
    return str(folder)


CARD = Device(id="gpu0", kind=DeviceKind.NVIDIA, name="card", total=24 * GIB, used=0)
MACHINE = Device(id=HOST, kind=DeviceKind.HOST, name="machine", total=64 * GIB, used=0)


@pytest.mark.parametrize(
    ("options", "cache"),
    [
        ({}, CACHE_MOST),  # 8 x 1 GiB, more than is planned with
        ({"max_num_seqs": 2}, 2 * GIB),
        ({"max_num_seqs": 2, "kv_cache_dtype": "fp8"}, GIB),
        ({"max_model_len": 1024, "max_num_seqs": 1}, GIB // 8),
        ({"max_model_len": 65536}, 8 * GIB),  # one sequence has to fit
        ({"kv_cache_memory_bytes": 123}, 123),
    ],
)
def test_an_estimate_from_the_files(tmp_path: Path, options: dict[str, int | str], cache: int) -> None:
    one = model(path=weights(tmp_path, 6 * GIB), options=options)
    footprint = ENGINE.estimate(one, (CARD, MACHINE))
    assert footprint is not None
    assert footprint.parts == {"weights": 6 * GIB, "kv": cache, "compute": WORKING, "context": CONTEXT}
    assert (footprint.device, footprint.host) == (sum(footprint.parts.values()), HOST_BYTES)
    assert (footprint.source, footprint.error) == (Source.POLICY, 0.15)


def test_what_is_configured_is_what_it_will_take(tmp_path: Path) -> None:
    path = weights(tmp_path, GIB)
    declared = ENGINE.estimate(model(path=path, memory=9 * GIB, host_memory=GIB), (CARD, MACHINE))
    assert declared is not None and (declared.device, declared.host, declared.source) == (9 * GIB, GIB, Source.POLICY)
    shared = ENGINE.estimate(
        model(path=path, options={"gpu_memory_utilization": 0.5, "tensor_parallel_size": 2}), (CARD, MACHINE)
    )
    assert shared is not None and shared.device == 2 * (12 * GIB + CONTEXT)
    asleep = ENGINE.estimate(model(path=path, sleep=True), (CARD, MACHINE))
    deeper = ENGINE.estimate(model(path=path, sleep=True, options={"sleep_level": 2}), (CARD, MACHINE))
    assert asleep is not None and deeper is not None
    assert asleep.host == deeper.host + GIB, "asleep, the weights lie in the host's memory"


def test_a_guess_says_that_it_is_one(tmp_path: Path) -> None:
    weights(tmp_path, GIB)
    (tmp_path / "config.json").write_text("{}")
    footprint = ENGINE.estimate(model(path=str(tmp_path)), (CARD,))
    assert footprint is not None and footprint.error == 0.35 and footprint.parts["kv"] == 2 * GIB
    assert ENGINE.estimate(model(path="/gone"), (CARD,)) is None


def test_preflight(tmp_path: Path) -> None:
    here = {"path": weights(tmp_path, 10), "command": (sys.executable,)}
    assert ENGINE.preflight(model(**here)) is None
    for more, kind, part in (
        ({"command": ("no-such-vllm",)}, FailureKind.MISSING_PROGRAM, "no-such-vllm"),
        ({"path": str(tmp_path / "gone")}, FailureKind.MISSING_FILE, "gone"),
        ({"options": {"max_model_le": 1}}, FailureKind.BAD_FLAG, "max_model_len"),
        ({"options": {"trust_remote_code": True}}, FailureKind.BAD_FLAG, "trust_remote_code"),
        ({"options": {"sleep_level": 3}}, FailureKind.BAD_FLAG, "1 or 2"),
        ({"options": {"gpu_memory_utilization": 1.5}}, FailureKind.BAD_FLAG, "at most 1"),
        ({"options": {"enable_auto_tool_choice": True}}, FailureKind.BAD_FLAG, "tool_call_parser"),
    ):
        failure = ENGINE.preflight(model(**{**here, **more}))
        assert failure is not None and failure.kind is kind and part in failure.message + failure.hint
    unknown = ENGINE.preflight(model(**here, options={"convert": "embed"}), frozenset({"--port"}))
    assert unknown is not None and "does not know --convert" in unknown.message
    offline = {"path": "", "id": "org/none", "command": (sys.executable,)}
    home = {"HF_HOME": str(tmp_path)}
    absent = ENGINE.preflight(model(**offline, env=home))
    assert absent is not None and absent.kind is FailureKind.MISSING_FILE
    assert ENGINE.preflight(model(**offline, env={**home, "HF_HUB_OFFLINE": "0"})) is None


def test_sleep_and_wake() -> None:
    first = ENGINE.sleeping(model(sleep=True), SLEEPY)
    assert first is not None
    assert [(r.method, r.path) for r in first.sleep] == [("POST", "/sleep?level=1")]
    assert [(r.method, r.path) for r in first.wake] == [("POST", "/wake_up")]
    second = ENGINE.sleeping(model(sleep=True, options={"sleep_level": 2}), SLEEPY)
    assert second is not None and second.sleep[0].path == "/sleep?level=2"
    assert [r.path for r in second.wake] == [
        "/wake_up?tags=weights", "/collective_rpc", "/wake_up?tags=kv_cache", "/reset_prefix_cache",
    ]  # fmt: skip
    assert json.loads(second.wake[1].body) == {"method": "reload_weights"}
    assert ENGINE.sleeping(model(sleep=True), None) is None, "not known is not enough"


@pytest.mark.parametrize(
    ("status", "meaning"), [(200, Readiness.READY), (503, Readiness.LOADING), (404, Readiness.WRONG)]
)
def test_health(status: int, meaning: Readiness) -> None:
    assert ENGINE.read_health(status, b"", model()) is meaning


def test_a_context_that_shrank_is_reported() -> None:
    answer = b'{"data":[{"id":"chat-x","max_model_len":512}]}'
    [warning] = ENGINE.report(model(options={"max_model_len": 1024}), cards(12), [], answer).warnings
    assert "from 1024 to 512" in warning
    assert ENGINE.report(model(options={"max_model_len": 512}), cards(12), [], answer).warnings == ()
    assert ENGINE.report(model(options={"max_model_len": -1}), cards(12), [], answer).warnings == ()


def test_it_is_divided_over_as_many_accelerators_as_it_was_told() -> None:
    parallel = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
    told = [ENGINE.estimate(model(memory=9 * GIB, options=options), (CARD, MACHINE)) for options in ({}, parallel)]
    assert [footprint.shards for footprint in told if footprint is not None] == [1, 4]
