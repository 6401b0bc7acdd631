from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from glowplug.config.load import Loaded
from glowplug.config.show import HIDDEN, Origin

Load = Callable[..., Loaded]

TEXT = """\
server: {port: "${PORT:-4001}"}
engines:
  llamacpp: {args: [--mlock], env: {TOKEN: l1teral}}
defaults: {keep_alive: 10m}
providers:
  p: {base_url: "https://p/v1", api_key: "${KEY}", headers: {X-A: l1teral, X-B: "file:team"}}
models:
  local: {engine: llamacpp, path: m.gguf, options: {ctx_size: 64}, args: [--token, "${T}"]}
  kept: {engine: llamacpp, path: m.gguf, keep_alive: -1}
  cloud: {provider: p, id: x, rpm: 5}
aliases:
  a: {targets: [local, cloud]}
"""


@pytest.fixture
def loaded(load_text: Load) -> Loaded:
    return load_text(TEXT, KEY="sk-hunter2", T="hunter2")


def value(loaded: Loaded, path: str) -> Any:
    here: Any = loaded.shown().tree
    for step in path.split("."):
        here = here[step]
    return here


@pytest.mark.parametrize(
    ("path", "shown", "source"),
    [
        ("server.port", "${PORT:-4001}", Origin(kind="file", line=1, variables=("PORT",))),
        ("server.host", "127.0.0.1", Origin(kind="default")),
        ("server.limits.body", "64MiB", Origin(kind="default")),
        ("defaults.keep_alive", "10m", Origin(kind="file", line=4)),
        ("defaults.cold", "wait", Origin(kind="default")),
        ("providers.p.api_key", "${KEY}", Origin(kind="file", line=6, variables=("KEY",))),
        ("providers.p.headers.X-A", HIDDEN, Origin(kind="file", line=6)),
        ("providers.p.headers.X-B", "file:team", Origin(kind="file", line=6)),
        ("providers.p.connect_timeout", "5s", Origin(kind="default", inherited="defaults.connect_timeout")),
        ("models.local.options.ctx_size", 64, Origin(kind="file", line=8)),
        ("models.local.keep_alive", "10m", Origin(kind="file", line=4, inherited="defaults.keep_alive")),
        ("models.kept.keep_alive", -1, Origin(kind="file", line=9)),
        ("models.cloud.rpm", 5, Origin(kind="file", line=10)),
        ("aliases.a.targets", ["local", "cloud"], Origin(kind="file", line=12)),
        ("aliases.a.cold", "wait", Origin(kind="default", inherited="defaults.cold")),
    ],
)
def test_every_value_has_its_source(loaded: Loaded, path: str, shown: object, source: Origin) -> None:
    assert (value(loaded, path), loaded.shown().sources[path]) == (shown, source)


def test_what_comes_from_a_variable_is_shown_as_it_was_written(loaded: Loaded) -> None:
    assert value(loaded, "models.local.args")[-2:] == ["--token", "${T}"]
    assert "T" in loaded.shown().sources["models.local.args"].variables


def test_no_secret_is_shown_in_any_form(loaded: Loaded) -> None:
    shown = loaded.shown()
    for text in (repr(shown), str(shown), msgspec.json.encode(shown).decode()):
        assert "hunter2" not in text and "l1teral" not in text


def test_every_leaf_has_a_source_and_every_source_a_leaf(loaded: Loaded) -> None:
    def leaves(node: object, at: str) -> set[str]:
        if isinstance(node, dict) and (node or not at.endswith(".options")):
            return {leaf for key, child in node.items() for leaf in leaves(child, f"{at}.{key}" if at else key)}
        return {at}

    shown = loaded.shown()
    assert leaves(shown.tree, "") == set(shown.sources)


def test_what_belongs_to_the_other_kind_of_model_is_left_out(loaded: Loaded) -> None:
    assert not {"args", "env", "options", "path", "keep_alive", "engine"} & set(value(loaded, "models.cloud"))
    assert not {"priority", "pinned", "sleep", "launcher"} & set(value(loaded, "models.cloud"))
    assert not {"id", "provider", "ready"} & set(value(loaded, "models.local"))
    assert (value(loaded, "models.local")["priority"], value(loaded, "models.local")["pinned"]) == (0, False)


def test_path_and_digest_are_those_of_the_file(loaded: Loaded) -> None:
    assert (loaded.shown().path, loaded.shown().digest) == (str(loaded.path), loaded.digest)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Origin(kind="file", line=3), "line 3"),
        (Origin(kind="default"), "default"),
        (Origin(kind="environment", variables=("A", "B")), "environment, A, B"),
        (Origin(kind="file", line=3, variables=("A",), inherited="defaults.cold"), "line 3, A, from defaults.cold"),
    ],
)
def test_a_source_in_words(source: Origin, words: str) -> None:
    assert str(source) == words
