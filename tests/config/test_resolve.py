from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from glowplug.config.load import Loaded
from glowplug.config.resolve import server_settings
from glowplug.config.schema import Limits, Server
from glowplug.domain import snapshot
from glowplug.domain.model import Capability, Cold, Dialect, Group, LocalModel, OnDisconnect, Ready, Stop
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.domain.snapshot import AliasRoute, ModelRoute

Load = Callable[..., Loaded]

FULL = """\
engines:
  llamacpp:
    command: [nice, llama-server]
    options: {parallel: 2, ctx_size: 1}
    args: [--a]
    env: {A: 1, B: 2}
defaults: {keep_alive: 1m, load_stall: 2m, load_ceiling: 3m, stop_timeout: 4s,
  idle_timeout: 5s, cold: reject, timeout: 6s}
providers:
  p: {base_url: "https://p.example/v1//", api_key: k, headers: {X-A: b}, idle_timeout: 7s, on_disconnect: cancel}
models:
  local:
    engine: llamacpp
    path: ~/m.gguf
    options: {ctx_size: 8}
    args: [--b, 3]
    env: {B: 3}
    port: 9000
    rpm: 5
  remote: {provider: p, id: up, idle_timeout: 8s, max_concurrency: 2}
  remote-too: {provider: p, id: up, capabilities: [embeddings], on_disconnect: drain}
aliases:
  a: {targets: [local, remote]}
  b: {targets: [remote], cold: wait, timeout: 9s, rpm: 1}
"""


def test_a_local_model_gets_its_own_then_the_engines_then_the_defaults(load_text: Load) -> None:
    assert load_text(FULL).local_models == (
        LocalModel(
            name="local",
            engine="llamacpp",
            path="/home/u/m.gguf",
            command=("nice", "llama-server"),
            options={"parallel": 2, "ctx_size": 8},
            args=("--a", "--b", "3"),
            env={"A": "1", "B": "3"},
            port=9000,
            keep_alive=60.0,
            load_stall=120.0,
            load_ceiling=180.0,
            stop_timeout=4.0,
        ),
    )


def test_routes_are_in_the_order_of_the_file_with_inherited_times(load_text: Load) -> None:
    shared = {"local": False, "upstream_model": "up", "base_url": "https://p.example/v1", "api_key": "k", "owner": "p"}
    routes = load_text(FULL).routes
    assert tuple(msgspec.structs.replace(route, credential="") for route in routes) == (
        ModelRoute(
            name="local",
            local=True,
            upstream_model="local",
            capabilities=(Capability.CHAT, Capability.COMPLETIONS),
            idle_timeout=5.0,
            rpm=5,
            keep_alive=60.0,
        ),
        ModelRoute(
            name="remote",
            headers={"X-A": "b"},
            idle_timeout=8.0,
            max_concurrency=2,
            capabilities=tuple(
                item for item in Capability if item.value not in ("messages", "responses", "moderations", "files")
            ),
            **shared,  # type: ignore[arg-type]
        ),
        ModelRoute(
            name="remote-too",
            headers={"X-A": "b"},
            idle_timeout=7.0,
            capabilities=(Capability.EMBEDDINGS,),
            on_disconnect=OnDisconnect.DRAIN,
            **shared,  # type: ignore[arg-type]
        ),
    )


def test_aliases_inherit_their_policy(load_text: Load) -> None:
    assert load_text(FULL).aliases == (
        AliasRoute(name="a", targets=("local", "remote"), cold=Cold.REJECT, timeout=6.0),
        AliasRoute(name="b", targets=("remote",), cold=Cold.WAIT, timeout=9.0, rpm=1),
    )


def test_the_defaults_are_those_of_the_domain(load_text: Load) -> None:
    loaded = load_text("models:\n  m: {engine: llamacpp, path: /m}\naliases:\n  a: {targets: [m]}\n")
    assert loaded.local_models == (LocalModel(name="m", engine="llamacpp", path="/m", command=("llama-server",)),)
    assert loaded.aliases == (AliasRoute(name="a", targets=("m",)),)
    assert server_settings(Server(limits=Limits())).limits == snapshot.Limits()


EVERY = """\
engines:
  vllm: {launcher: container, image: vllm/vllm-openai, memory_max: 32GiB}
defaults: {keep_alive_most: 1h}
models:
  big:
    engine: vllm
    id: Qwen/Qwen2.5-0.5B-Instruct
    memory: 14GiB
    host_memory: 0
    devices: [gpu1, host]
    priority: -5
    pinned: true
    sleep: true
    request_defaults: {max_tokens: 4096, temperature: 0.5, stop: x, logprobs: false}
  bare: {engine: vllm, path: w, launcher: process, memory_max: 1GiB, keep_alive_most: -1}
  daemon: {engine: ollama, id: "mistral:7b", options: {num_ctx: 4096}}
  whisper:
    engine: command
    unit: whisper.service
    id: whisper-1
    port: 9
    ready: {http: /health, status: 204}
    stop: {argv: [docker, stop, 7]}
  comfy: {engine: command, command: ./comfy, ready: {log: "ready$"}, stop: {signal: SIGINT}}
groups:
  one: {members: [big, daemon]}
  two: {members: [daemon], most: 3, exclusive: true}
memory: {reserve: 512MiB, host_reserve: 0, pressure: 1s}
scheduling: {min_residency: 0, starvation: 3s, queue: 4, learn: false}
"""


def test_every_setting_of_an_engines_model_arrives(load_text: Load, tmp_path: Path) -> None:
    both = (Capability.CHAT, Capability.COMPLETIONS)
    big, bare, daemon, whisper, comfy = load_text(EVERY).local_models
    assert big == LocalModel(
        name="big",
        engine="vllm",
        id="Qwen/Qwen2.5-0.5B-Instruct",
        command=("vllm", "serve"),
        memory=14 << 30,
        host_memory=0,
        memory_max=32 << 30,
        devices=("gpu1", "host"),
        priority=-5,
        pinned=True,
        groups=("one",),
        launcher="container",
        image="vllm/vllm-openai",
        sleep=True,
    )
    assert bare == LocalModel(
        name="bare",
        engine="vllm",
        path=str(tmp_path / "w"),
        command=("vllm", "serve"),
        launcher="process",
        memory_max=1 << 30,
    )
    assert daemon == LocalModel(
        name="daemon",
        engine="ollama",
        id="mistral:7b",
        command=("ollama", "serve"),
        options={"num_ctx": 4096},
        capabilities=both,
        groups=("one", "two"),
    )
    assert whisper == LocalModel(
        name="whisper",
        engine="command",
        id="whisper-1",
        unit="whisper.service",
        port=9,
        capabilities=(Capability.CHAT,),
        ready=Ready(http="/health", status=204),
        stop=Stop(argv=("docker", "stop", "7")),
    )
    assert comfy == LocalModel(
        name="comfy",
        engine="command",
        command=(str(tmp_path / "comfy"),),
        capabilities=(Capability.CHAT,),
        ready=Ready(log="ready$"),
        stop=Stop(signal="SIGINT"),
    )


def test_routes_say_what_their_engine_speaks_and_calls_the_model(load_text: Load) -> None:
    routes = {route.name: route for route in load_text(EVERY).routes}
    assert {name: route.upstream_model for name, route in routes.items()} == {
        "big": "big", "bare": "bare", "daemon": "mistral:7b", "whisper": "whisper-1", "comfy": "comfy",
    }  # fmt: skip
    assert [name for name, route in routes.items() if route.dialect is Dialect.OLLAMA] == ["daemon"]
    assert [route.engine_options for route in routes.values() if route.engine_options] == [{"num_ctx": 4096}]
    assert routes["big"].request_defaults == {"max_tokens": 4096, "temperature": 0.5, "stop": "x", "logprobs": False}
    assert [route.keep_alive_most for route in routes.values()] == [3600.0, math.inf, 3600.0, 3600.0, 3600.0]


def test_rules_and_groups_arrive(load_text: Load) -> None:
    loaded = load_text(EVERY)
    assert loaded.memory == MemorySettings(reserve=512 << 20, host_reserve=0, pressure=1.0)
    assert loaded.scheduling == SchedulingSettings(min_residency=0.0, starvation=3.0, queue=4, learn=False)
    assert loaded.groups == (
        Group(name="one", members=("big", "daemon")),
        Group(name="two", members=("daemon",), most=3, exclusive=True),
    )
    empty = load_text("")
    assert (empty.memory, empty.scheduling, empty.groups) == (MemorySettings(), SchedulingSettings(), ())


@pytest.mark.parametrize(
    ("written", "command"),
    [
        ("prog", ("prog",)),
        ("/opt/prog", ("/opt/prog",)),
        ("./prog", ("{base}/prog",)),
        ("~/prog", ("/home/u/prog",)),
        ("[bin/prog, --x, ./y]", ("{base}/bin/prog", "--x", "./y")),
    ],
)
def test_a_program_with_a_slash_is_relative_to_the_file(
    load_text: Load, tmp_path: Path, written: str, command: tuple[str, ...]
) -> None:
    loaded = load_text(f"models:\n  m:\n    engine: vllm\n    path: x\n    command: {written}\n")
    assert loaded.local_models[0].command == tuple(word.replace("{base}", str(tmp_path)) for word in command)


@pytest.mark.parametrize(
    ("host", "extra", "hosts"),
    [
        ("127.0.0.1", (), ()),
        ("0.0.0.0", ("My-Box.lan",), ("my-box.lan",)),
        ("10.0.0.5", (), ("10.0.0.5",)),
        ("fd00::1", ("*",), ("[fd00::1]", "*")),
    ],
)
def test_the_hosts_that_are_served(host: str, extra: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    loopback = ("127.0.0.1", "localhost", "[::1]")
    assert server_settings(Server(host=host, hosts=extra)).hosts == (*loopback, *hosts)


def test_what_is_shown_says_where_inherited_values_come_from(load_text: Load) -> None:
    shown = load_text(FULL).shown()
    sources = {path: str(source) for path, source in shown.sources.items()}
    assert sources["models.local.options.parallel"] == "line 4, from engines.llamacpp.options.parallel"
    assert sources["models.local.options.ctx_size"] == "line 15"
    assert sources["models.remote-too.idle_timeout"] == "line 10, from providers.p.idle_timeout"
    assert sources["models.local.connect_timeout"] == "default, from defaults.connect_timeout"
    assert sources["aliases.a.cold"] == "line 8, from defaults.cold"
    model = shown.tree["models"]["local"]  # type: ignore[index]
    assert (model["keep_alive"], model["env"]) == ("1m", {"A": "***", "B": "***"})
    assert "options" not in shown.tree["models"]["remote"]  # type: ignore[index]
