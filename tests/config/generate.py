"""Valid configurations for property tests, written line by line so that every path's line is known."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Path = tuple[str | int, ...]

names = st.from_regex(r"[a-z][a-z0-9.:/@-]{0,6}[a-z0-9]", fullmatch=True).filter(
    lambda n: "//" not in n and "/." not in n
)
durations = st.sampled_from(["30s", "5m", "1h30m", 12, 0.5, "250ms", "1d"])
texts = st.sampled_from(["a", "two words", "x: y", "#no", "ü", "*"])
arguments = st.lists(st.sampled_from(["--mlock", "-ngl", 99, "a b"]), max_size=3)
variables = st.dictionaries(st.sampled_from(["A", "B_1"]), texts, max_size=2)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_times = dict.fromkeys(("connect_timeout", "first_byte_timeout", "idle_timeout"), durations)
_loads = dict.fromkeys(("load_stall", "load_ceiling", "stop_timeout"), durations)
_memory = {
    "memory": st.sampled_from(["14GiB", 0]),
    "host_memory": st.just("1GiB"),
    "devices": st.sampled_from([["gpu0"], ["gpu0", "host"]]),
    "priority": st.integers(-100, 100),
    "pinned": st.booleans(),
    "keep_alive_most": st.sampled_from([-1, "1h"]),
    "launcher": st.sampled_from(["auto", "systemd", "process"]),
}
memory = _some(reserve=st.sampled_from([0, "1GiB"]), host_reserve=st.just("2GiB"), pressure=durations)
scheduling = _some(
    min_residency=st.sampled_from([0, "60s"]), starvation=durations, queue=st.integers(1, 64), learn=st.booleans()
)
_limits = _some(body=st.sampled_from(["64MiB", 1000]), connections=st.integers(1, 10), waiting=st.just(0))
server = _some(
    host=st.sampled_from(["127.0.0.1", "::1"]),
    port=st.integers(0, 65535),
    hosts=st.just(["a.lan", "b.lan"]),
    drain_timeout=durations,
    limits=_limits,
)
defaults = _some(
    keep_alive=st.sampled_from([-1, 0, "5m"]), cold=st.sampled_from(["wait", "reject"]), **_times, **_loads
)
engine = _some(
    command=st.sampled_from(["llama-server", ["nice", "llama-server"]]),
    options=st.just({"parallel": 2}),
    args=arguments,
    env=variables,
)
provider = st.fixed_dictionaries(
    {"base_url": st.sampled_from(["https://a.example/v1", "http://127.0.0.1:9/v1"])},
    optional={"api_key": st.sampled_from(["sk-abc", "${KEY:-d}"]), "headers": st.just({"X-A": "b"}), **_times},
)
_common = {
    "request_defaults": st.just({"max_tokens": 5}),
    "rpm": st.integers(1, 9),
    "tpm": st.integers(1, 9),
    "capabilities": st.just(["chat", "embeddings"]),
    **_times,
}


def model(providers: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    local = st.fixed_dictionaries(
        {"engine": st.just("llamacpp"), "path": st.sampled_from(["m.gguf", "~/m.gguf", "/m.gguf"])},
        optional={
            "options": st.just({"ctx_size": 8}),
            "args": arguments,
            "env": variables,
            "keep_alive": st.sampled_from([-1, "10m"]),
            **_common,
            **_loads,
            **_memory,
        },
    )
    if not providers:
        return local
    remote = st.fixed_dictionaries(
        {"provider": st.sampled_from(providers), "id": texts},
        optional={"max_concurrency": st.integers(1, 9), "on_disconnect": st.just("drain"), **_common},
    )
    return st.one_of(local, remote)


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """A valid configuration as plain values."""
    found: dict[str, Any] = draw(
        _some(server=server, defaults=defaults, engines=st.just({}), memory=memory, scheduling=scheduling)
    )
    if "engines" in found:
        found["engines"] = {"llamacpp": draw(engine)}
    found["providers"] = draw(st.dictionaries(names, provider, max_size=2))
    found["models"] = draw(st.dictionaries(names, model(sorted(found["providers"])), min_size=1, max_size=3))
    targets = st.lists(st.sampled_from(sorted(found["models"])), min_size=1, max_size=3, unique=True)
    alias = st.fixed_dictionaries(
        {"targets": targets}, optional={"cold": st.just("cloud-while-cold"), "timeout": durations, "rpm": st.just(5)}
    )
    aliases = draw(st.dictionaries(names, alias, max_size=2))
    found["aliases"] = {f"alias-{name}": value for name, value in aliases.items()}
    local = [name for name, item in found["models"].items() if "engine" in item]
    if local:
        members = st.lists(st.sampled_from(sorted(local)), min_size=1, max_size=3, unique=True)
        group = st.fixed_dictionaries({"members": members}, optional={"most": st.just(1), "exclusive": st.booleans()})
        found["groups"] = draw(st.dictionaries(names, group, max_size=2))
    return found


def written(config: dict[str, Any]) -> tuple[str, dict[Path, int]]:
    """The YAML text in block style, and the line of every path."""
    lines: list[str] = []
    where: dict[Path, int] = {}
    _write(config, (), 0, lines, where)
    return "\n".join(lines) + "\n", where


def _write(value: Any, at: Path, depth: int, lines: list[str], where: dict[Path, int]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, child in items:
        lead = "  " * depth + (f'"{step}":' if isinstance(step, str) else "-")
        path = (*at, step)
        where[path] = len(lines) + 1
        if isinstance(step, int) and isinstance(child, dict):
            lines.append(f"{lead} {json.dumps(child)}")  # in a list the item's line is where the item begins
        elif isinstance(child, dict | list) and child:
            lines.append(lead)
            _write(child, path, depth + 1, lines, where)
        elif isinstance(child, dict | list):
            lines.append(f"{lead} {'{}' if isinstance(child, dict) else '[]'}")
        else:
            lines.append(f"{lead} {_scalar(child)}")


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
