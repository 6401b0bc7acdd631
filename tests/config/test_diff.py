from __future__ import annotations

from collections.abc import Callable

import pytest

from glowplug.config.diff import Diff, diff
from glowplug.config.load import Loaded

BASE = """\
server: {port: 4000, drain_timeout: 30s}
providers:
  p: {base_url: "https://p/v1", api_key: "${K}"}
models:
  a: {engine: llamacpp, path: /a, keep_alive: 5m, options: {parallel: 1}, args: [x], env: {E: f}}
  b: {engine: llamacpp, path: /b}
  r: {provider: p, id: up}
aliases:
  z: {targets: [a, r]}
memory: {reserve: 1GiB}
login:
  oidc: {issuer: "https://id.example", client_id: us, client_secret: "${K}"}
groups:
  g: {members: [a, b], most: 1}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("x", "x", Diff()),
        ("keep_alive: 5m", "keep_alive: 6m", Diff(retuned=("a",), routes=("a",))),
        ("keep_alive: 5m", "load_stall: 6m", Diff(retuned=("a",))),
        ("path: /a", "path: /c", Diff(restart=("a",))),
        ("parallel: 1", "parallel: 2", Diff(restart=("a",))),
        ("args: [x]", "args: [y]", Diff(restart=("a",))),
        ("E: f", "E: g", Diff(restart=("a",))),
        ("path: /a,", "path: /a, port: 9,", Diff(restart=("a",))),
        ("path: /a,", "path: /a, command: other,", Diff(restart=("a",))),
        ("{engine: llamacpp, path: /b}", "{engine: vllm, path: /b}", Diff(restart=("b",))),
        ("path: /a,", "path: /a, launcher: process,", Diff(restart=("a",))),
        ("path: /a,", "path: /a, devices: [gpu1],", Diff(restart=("a",))),
        ("path: /a,", "path: /a, priority: 7,", Diff(retuned=("a",))),
        ("path: /a,", "path: /a, memory: 7GiB,", Diff(retuned=("a",))),
        ("path: /a,", "path: /a, keep_alive_most: 1h,", Diff(routes=("a",))),
        ("path: /a,", "path: /a, request_defaults: {max_tokens: 5},", Diff(routes=("a",))),
        ("reserve: 1GiB", "reserve: 2GiB", Diff(rules=("memory.reserve",))),
        (
            "reserve: 1GiB}",
            "reserve: 1GiB}\nscheduling: {learn: false, queue: 9}",
            Diff(rules=("scheduling.queue", "scheduling.learn")),
        ),
        ("most: 1", "most: 2", Diff(groups=("g",))),
        ("  g: {", "  h: {", Diff(retuned=("a", "b"), groups=("h", "g"))),
        ("path: /a,", "path: /a, rpm: 9,", Diff(routes=("a",))),
        ("id: up", "id: down", Diff(routes=("r",))),
        ("https://p/v1", "https://q/v1", Diff(routes=("r",))),
        ("[a, r]", "[r, a]", Diff(aliases=("z",))),
        ("  z:", "  y:", Diff(aliases=("y", "z"))),
        ("port: 4000", "port: 4001", Diff(server=("port",))),
        ("drain_timeout: 30s", "drain_timeout: 31s", Diff(server=("limits",))),
        ("client_id: us", "client_id: them", Diff(rules=("login.oidc",))),
        ("client_id: us", "client_id: us, auto_create: true", Diff(rules=("login.oidc",))),
        ("path: /b}", "path: '${UNSET}'}", Diff(removed=("b",), routes=("b",))),
    ],
)
def test_only_what_changed_is_named(load_text: Callable[..., Loaded], old: str, new: str, expected: Diff) -> None:
    assert old in BASE
    found = diff(load_text(BASE, K="k").resolved, load_text(BASE.replace(old, new, 1), K="k").resolved)
    assert found == expected
    assert bool(found) == (expected != Diff())


def test_a_model_that_has_another_name_is_another_model(load_text: Callable[..., Loaded]) -> None:
    renamed = BASE.replace("  b: {", "  c: {").replace("[a, b]", "[a, c]")
    assert diff(load_text(BASE, K="k").resolved, load_text(renamed, K="k").resolved) == Diff(
        added=("c",), removed=("b",), routes=("c", "b"), groups=("g",)
    )


def test_a_rotated_key_changes_its_routes(load_text: Callable[..., Loaded]) -> None:
    assert diff(load_text(BASE, K="k").resolved, load_text(BASE, K="l").resolved) == Diff(
        routes=("r",), rules=("login.oidc",)
    )


def test_only_some_server_settings_need_a_new_process() -> None:
    assert Diff(server=("port", "hosts", "limits", "workers")).needs_new_process == ("port", "workers")
