"""The published schema, the example and the reference page are what the declarations say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ruamel.yaml import YAML

from glowplug.config.jsonschema import EXAMPLE_FILE, SCHEMA_FILE, json_schema, json_schema_text
from glowplug.config.load import load
from glowplug.config.reference import reference
from glowplug.errors import ConfigError

from .conftest import Catalogue
from .mini_schema import errors

DOCS = Path(__file__).parents[2] / "docs"


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text() == json_schema_text(), "run python -m glowplug.config.reference schema"


def test_the_reference_page_is_current() -> None:
    assert (DOCS / "configuration.md").read_text() == reference(), "run python -m glowplug.config.reference"


def _objects(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield at, schema
        for key, child in schema.items():
            yield from _objects(child, f"{at}/{key}")


def test_every_setting_is_described_and_nothing_else_is_allowed() -> None:
    objects = dict(_objects(json_schema()))
    assert len(objects) == 22
    for at, schema in objects.items():
        assert schema["additionalProperties"] is False, at
        for name, rule in schema["properties"].items():
            assert rule.get("description") and rule.get("title"), f"{at}/{name}"


def test_examples_and_defaults_fit_their_own_schema() -> None:
    for at, schema in _objects(json_schema()):
        for name, rule in schema["properties"].items():
            for example in [*rule.get("examples", []), *([rule["default"]] if "default" in rule else [])]:
                assert errors(rule, example) == [], f"{at}/{name}: {example}"


def test_the_example_fits_the_schema_and_loads_without_problems() -> None:
    text = EXAMPLE_FILE.read_text()
    assert text.startswith("# yaml-language-server: $schema=")
    assert errors(json_schema(), YAML(typ="safe", pure=True).load(text)) == []
    loaded = load(EXAMPLE_FILE, env={"HOME": "/h", "OPENAI_API_KEY": "k", "LAB_API_KEY": "l"}, engines=Catalogue())
    assert all("does not exist" in problem.message for problem in loaded.warnings)
    assert (len(loaded.local_models), len(loaded.routes), len(loaded.aliases)) == (2, 4, 2)


def test_values_that_the_example_shows_as_defaults_are_the_defaults() -> None:
    given = YAML(typ="safe", pure=True).load(EXAMPLE_FILE.read_text())
    loaded = load(EXAMPLE_FILE, env={"HOME": "/h"}, engines=Catalogue())
    assert set(given) == {
        "server",
        "defaults",
        "engines",
        "providers",
        "models",
        "aliases",
        "memory",
        "scheduling",
        "groups",
        "telemetry",
        "keeping",
        "energy",
    }
    assert loaded.config.server == type(loaded.config.server)()
    assert loaded.config.defaults == type(loaded.config.defaults)()
    assert loaded.config.memory == type(loaded.config.memory)()
    assert loaded.config.scheduling == type(loaded.config.scheduling)()


@pytest.mark.parametrize(
    ("path", "value", "good"),
    [
        (("server", "port"), 1, True),
        (("server", "port"), "${PORT}", True),
        (("server", "port"), "1", False),
        (("server", "port"), 70000, False),
        (("server", "drain_timeout"), "1h30m", True),
        (("server", "drain_timeout"), "-1", False),
        (("server", "drain_timeout"), -1, False),
        (("server", "drain_timeout"), "soon", False),
        (("defaults", "keep_alive"), "-1", True),
        (("server", "limits"), {"body": "64MiB"}, True),
        (("server", "limits"), {"body": "64 M"}, True),
        (("server", "limits"), {"body": "64 parsecs"}, False),
        (("server", "limits"), {"bodi": 1}, False),
        (("server", "hosts"), ["a", "a"], False),
        (("x-anything",), {"at": "all"}, True),
        (("anything",), {}, False),
        (("models",), None, True),
        (("models",), {"a b": {"engine": "llamacpp", "path": "x"}}, False),
        (("models",), {"a": {"engine": "llamacpp", "path": "x", "provider": "p", "id": "y"}}, False),
        (("models",), {"a": {"engine": "llamacpp", "path": "x", "args": ["-ngl", 99], "env": {"A": 0}}}, True),
        (("models",), {"a": {"engine": "llamacpp", "path": "x", "options": {"ctx_size": [1]}}}, False),
        (("engines",), {"llamacpp": {"command": ["nice", "x"]}}, True),
        (("engines",), {"llamacpp": {"command": {"a": "b"}}}, False),
        (("models",), {"a": {"engine": "ollama", "id": "mistral:7b", "memory": 0, "priority": -100}}, True),
        (("models",), {"a": {"engine": "ollama", "id": "mistral:7b", "priority": 101}}, False),
        (("models",), {"a": {"engine": "ollama", "id": "mistral:7b", "launcher": "nohup"}}, False),
        (("models",), {"a": {"engine": "command", "command": "x", "ready": {"tcp": True}, "stop": None}}, True),
        (("models",), {"a": {"engine": "command", "command": "x", "ready": {"http": "/", "status": 99}}}, False),
        (("models",), {"a": {"engine": "vllm", "id": "x", "request_defaults": {"max_tokens": 5}}}, True),
        (("memory", "reserve"), 0, True),
        (("memory", "pressure"), 0, False),
        (("scheduling", "min_residency"), "0s", True),
        (("scheduling", "min_residency"), -1, False),
        (("scheduling", "queue"), 0, False),
        (("scheduling", "learn"), "maybe", False),
        (("groups",), {"g": {"members": []}}, False),
        (("defaults", "cold"), "wait", True),
        (("defaults", "cold"), "later", False),
    ],
)
def test_the_schema_and_the_loader_agree(tmp_path: Path, path: tuple[str, ...], value: object, good: bool) -> None:
    tree: dict[str, Any] = {path[0]: value} if len(path) == 1 else {path[0]: {path[1]: value}}
    assert (errors(json_schema(), tree) == []) is good
    file = tmp_path / "c.yaml"
    file.write_bytes(msgspec.json.encode(tree))  # JSON is YAML
    accepted = True
    try:
        load(file, env={"PORT": "5"}, engines=Catalogue())
    except ConfigError:
        accepted = False
    assert accepted is good
