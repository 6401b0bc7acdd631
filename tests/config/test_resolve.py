from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from glowplug.config.load import Loaded
from glowplug.config.resolve import server_settings
from glowplug.config.schema import Limits, Server
from glowplug.domain import snapshot
from glowplug.domain.model import Capability, Cold, LocalModel, OnDisconnect
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
    assert load_text(FULL).routes == (
        ModelRoute(
            name="local",
            local=True,
            upstream_model="local",
            capabilities=(Capability.CHAT, Capability.COMPLETIONS),
            idle_timeout=5.0,
            rpm=5,
        ),
        ModelRoute(name="remote", headers={"X-A": "b"}, idle_timeout=8.0, max_concurrency=2, **shared),  # type: ignore[arg-type]
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
