"""The layer beneath the configuration file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from glowplug.config.load import Loaded, load
from glowplug.config.managed import CLOSED, ManagedFile
from glowplug.config.schema_models import Model
from glowplug.errors import ConfigError
from tests.config.conftest import Catalogue

FILE = """\
server: {model_folders: [/data]}
providers:
  lab: {base_url: "http://127.0.0.1:9/v1"}
models:
  a: {provider: lab, id: a}
aliases:
  x: {targets: [a]}
"""
LAYER = """\
providers:
  more: {base_url: "http://127.0.0.1:8/v1", api_key: "secret:more"}
models:
  b: {provider: more, id: b}
  c:
    engine: llamacpp
    path: /data/c.gguf
aliases:
  y: {targets: [a, b]}
"""


class Two:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.layer = folder / "managed.yaml"

    def load(self, file: str | None, layer: str | None) -> Loaded:
        if file is not None:
            self.path.write_text(file)
        if layer is not None:
            self.layer.write_text(layer)
        return load(
            self.path if file is not None else None,
            env={"HOME": "/h", "TOKEN": "t"},
            engines=Catalogue(),
            managed=ManagedFile(self.layer),
        )


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def test_only_what_was_added_at_run_time_is_guarded(two: Two) -> None:
    routes = {route.name: route.guarded for route in two.load(FILE, LAYER).routes}
    assert routes == {"a": False, "b": True, "c": False}


def names(loaded: Loaded) -> list[str]:
    return [route.name for route in loaded.routes] + [alias.name for alias in loaded.aliases]


def test_both_are_one_tree_and_every_value_knows_its_file(two: Two) -> None:
    loaded = two.load(FILE, LAYER)
    assert names(loaded) == ["a", "b", "c", "x", "y"]
    assert loaded.managed == {("providers", "more"), ("models", "b"), ("models", "c"), ("aliases", "y")}
    assert loaded.files == (two.path, two.layer)
    shown = loaded.shown()
    assert (shown.sources["models.a.id"].kind, shown.sources["models.a.id"].line) == ("file", 5)
    assert (shown.sources["models.c.path"].kind, shown.sources["models.c.path"].line) == ("managed", 7)
    assert str(shown.sources["models.c.path"]) == "managed.yaml line 7"
    assert shown.managed == str(two.layer)
    assert loaded.given("models", "a")
    assert not loaded.given("models", "b")
    assert loaded.secret_uses() == {"more": ("providers.more.api_key",)}


def test_without_a_layer_nothing_is_different(two: Two) -> None:
    loaded = two.load(FILE, None)
    assert (names(loaded), loaded.managed, loaded.shown().managed) == (["a", "x"], frozenset(), "")
    assert two.layer in loaded.files, "it is looked for, so that its coming is noticed"


def test_a_layer_alone_serves(two: Two) -> None:
    loaded = two.load(None, LAYER.replace("[a, b]", "[b]"))
    assert names(loaded) == ["b", "y"], "and the local model has no folder it may be in"


@pytest.mark.parametrize(
    ("layer", "place"),
    [
        ("models:\n  a: {provider: lab, id: other}\n", "models.a"),
        ("models:\n  x: {provider: lab, id: other}\n", "models.x"),
        ("aliases:\n  a: {targets: [a]}\n", "aliases.a"),
        ('providers:\n  lab: {base_url: "http://127.0.0.1:7/v1"}\n', "providers.lab"),
    ],
)
def test_the_file_wins(two: Two, layer: str, place: str) -> None:
    loaded = two.load(FILE, layer)
    assert names(loaded) == ["a", "x"]
    assert loaded.routes[0].upstream_model == "a"
    assert loaded.routes[0].base_url.endswith(":9/v1")
    (warning,) = [one for one in loaded.warnings if one.file]
    assert (warning.path, warning.line, warning.file) == (place, 2, str(two.layer))
    assert "configuration file too" in str(warning)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("engine: llamacpp, path: /data/c.gguf, args: [--x]", "cannot be set here"),
        ("engine: llamacpp, path: /data/c.gguf, env: {A: b}", "cannot be set here"),
        ("engine: llamacpp, path: /data/c.gguf, command: /bin/sh", "cannot be set here"),
        ("engine: llamacpp, path: /data/c.gguf, launcher: container, image: x", "cannot be set here"),
        ("engine: command, ready: {tcp: true}", "cannot be set here"),
        ("engine: command", "cannot be added through an API"),
        ("engine: llamacpp, path: /etc/c.gguf", "not below a declared folder"),
        ("engine: llamacpp, path: /data/../etc/c.gguf", "not below a declared folder"),
        ("engine: llamacpp, path: data/c.gguf", "not below a declared folder"),
        ("engine: vllm, id: org/name", "from a hub"),
        ("engine: llamacpp, path: /data/c.gguf, options: {no_such: 1}", "no such option"),
        ('provider: lab, id: "${TOKEN}"', "refers to a variable"),
        ("provider: nobody, id: i", "no provider nobody"),
        ("provider: lab", "id is missing"),
        ("provider: lab, id: i, colour: red", "no such setting"),
        ("provider: lab, id: i, rpm: many", "rpm"),
    ],
)
def test_an_entry_that_cannot_be_used_costs_itself_and_nothing_else(two: Two, entry: str, words: str) -> None:
    loaded = two.load(FILE, f"models:\n  bad: {{{entry}}}\n  good: {{provider: lab, id: g}}\n")
    assert names(loaded) == ["a", "good", "x"]
    found = [one for one in loaded.warnings if one.file == str(two.layer)]
    assert any(words in str(one) for one in found), found
    assert all(one.line == 2 for one in found)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("api_key: sk-plain", "must be secret:NAME"),
        ("api_key: file:/etc/shadow", "must be secret:NAME"),
        ('api_key: "${TOKEN}"', "must be secret:NAME"),
        ("headers: {Authorization: sk-plain}", "would be a secret"),
        ("headers: {X-A: file:/etc/shadow}", "refers to a file"),
        ('headers: {X-A: "${TOKEN}"}', "refers to a variable"),
        ('base_url: "http://169.254.169.254/v1"', "link-local"),
        ('base_url: "ftp://127.0.0.1/v1"', "http"),
    ],
)
def test_providers_have_no_plain_secret_and_no_address_of_a_metadata_service(two: Two, entry: str, words: str) -> None:
    url = "" if "base_url" in entry else 'base_url: "http://127.0.0.1:8/v1", '
    loaded = two.load(FILE, f"providers:\n  bad: {{{url}{entry}}}\nmodels:\n  m: {{provider: bad, id: i}}\n")
    assert names(loaded) == ["a", "x"]
    assert any(words in str(one) for one in loaded.warnings)
    assert not any("sk-plain" in str(one) for one in loaded.warnings)


@pytest.mark.parametrize(
    "layer", ["models: [", "- a\n", "models: {}\nmodels: 3\n", "server: {port: 1}\n", "\0", "x: y"]
)
def test_a_broken_layer_never_takes_the_files_models_away(two: Two, layer: str) -> None:
    loaded = two.load(FILE, layer)
    assert names(loaded) == ["a", "x"]
    assert loaded.server.port == 4000
    assert any(one.file == str(two.layer) for one in loaded.warnings)


def test_an_unreadable_layer_is_replaced_by_its_last_good_copy(two: Two) -> None:
    ManagedFile(two.layer).good.write_text(LAYER)
    loaded = two.load(FILE, "models: [")
    assert names(loaded) == ["a", "b", "c", "x", "y"]
    assert any("last good copy" in str(one) for one in loaded.warnings)


def test_a_circle_through_the_layer_costs_the_layers_part(two: Two) -> None:
    file = FILE.replace("  a: {", "  chat-*: {provider: lab, id: '*'}\n  a: {") + "    on_context: [chat-z]\n"
    file = file.replace("x: {targets: [a]}\n    ", "x:\n    targets: [a]\n    ")
    layer = "aliases:\n  chat-z: {targets: [a], on_context: [x]}\n  y: {targets: [a]}\n"
    assert names(two.load(file, layer)) == ["chat-*", "a", "x", "y"]


def test_a_file_may_name_what_the_layer_has(two: Two) -> None:
    assert names(two.load(FILE.replace("[a]", "[a, b]"), LAYER))[-2:] == ["x", "y"]


def test_mistakes_in_the_file_are_told_as_before(two: Two) -> None:
    with pytest.raises(ConfigError) as caught:
        two.load(FILE.replace("id: a", "colour: red"), LAYER)
    assert {one.file for one in caught.value.problems} == {""}


def test_the_environment_still_wins(two: Two) -> None:
    two.path.write_text(FILE)
    two.layer.write_text(LAYER)
    env = {"HOME": "/h", "GLOWPLUG_SERVER__PORT": "7"}
    loaded = load(two.path, env=env, engines=Catalogue(), managed=ManagedFile(two.layer))
    assert (loaded.server.port, len(names(loaded))) == (7, 5)


def test_every_setting_of_a_model_was_looked_at() -> None:
    """A new setting must be decided on: may an API say it?"""
    open_ = {
        "engine", "path", "id", "options", "keep_alive", "load_stall", "load_ceiling", "stop_timeout", "memory",
        "host_memory", "devices", "priority", "pinned", "sleep", "keep_alive_most", "provider", "quirks",
        "request_defaults", "capabilities", "connect_timeout", "first_byte_timeout", "idle_timeout", "rpm", "tpm",
        "price", "max_concurrency", "tags", "context_window", "dimensions", "unit_vectors", "former_ids",
        "on_disconnect",
    }  # fmt: skip
    assert {field.encode_name for field in msgspec.structs.fields(Model)} == open_ | CLOSED


def test_the_layer_is_found_by_name_however_it_is_written(two: Two, load_text: Callable[..., Loaded]) -> None:
    loaded = two.load(FILE, "models:\n  chat-3.1:b: {provider: lab, id: i, rpm: x}\n  chat-3: {provider: lab, id: i}\n")
    assert names(loaded) == ["a", "chat-3", "x"]
    assert load_text(FILE).managed == frozenset()
