"""Whatever is wrong, and wherever, is reported at its line; nothing but ConfigError ever comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glowplug.config.jsonschema import json_schema
from glowplug.config.lines import dotted
from glowplug.config.load import Loaded, example, load_bytes
from glowplug.errors import ConfigError, Problem

from . import generate
from .conftest import Catalogue
from .mini_schema import errors

SCHEMA = json_schema()
PATH = Path("/etc/glowplug/config.yaml")
relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def problems(text: str) -> list[Problem]:
    try:
        load_bytes(text.encode(), path=PATH, env={"HOME": "/h"}, engines=Catalogue())
    except ConfigError as error:
        return list(error.problems)
    return []


def _at(tree: Any, path: generate.Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _structs(config: dict[str, Any]) -> list[generate.Path]:
    """Paths of everything with fixed settings, unlike mappings by name."""
    found: list[generate.Path] = [()]
    found += [(name,) for name in ("server", "defaults") if name in config]
    if "limits" in config.get("server", {}):
        found.append(("server", "limits"))
    for section in ("engines", "providers", "models", "aliases"):
        found += [(section, name) for name in config.get(section, {})]
    return found


@relaxed
@given(generate.configs())
def test_a_valid_configuration_has_no_problem_here_nor_in_the_json_schema(config: dict[str, Any]) -> None:
    text, _ = generate.written(config)
    assert problems(text) == []
    assert errors(SCHEMA, config) == []


@relaxed
@given(generate.configs(), st.data())
def test_an_unknown_setting_anywhere_is_reported_at_its_line(config: dict[str, Any], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(_structs(config)))
    _at(config, at)["qqqqqqqqqqq"] = 1
    text, where = generate.written(config)
    (problem,) = problems(text)
    assert (problem.path, problem.line) == (dotted((*at, "qqqqqqqqqqq")), where[(*at, "qqqqqqqqqqq")])
    assert "no such setting" in problem.message
    assert errors(SCHEMA, config)


@relaxed
@given(generate.configs(), st.data())
def test_a_wrong_type_anywhere_is_reported_at_its_line(config: dict[str, Any], data: st.DataObject) -> None:
    _, where = generate.written(config)
    at = data.draw(st.sampled_from(sorted(where, key=str)))
    broken = copy.deepcopy(config)
    _at(broken, at[:-1])[at[-1]] = "no mapping" if isinstance(_at(config, at), dict) else {"some": ["mapping"]}
    text, where = generate.written(broken)
    found = problems(text)
    assert (dotted(at), where[at]) in [(problem.path, problem.line) for problem in found], found
    assert errors(SCHEMA, broken)


@relaxed
@given(generate.configs(), st.data())
def test_a_missing_setting_is_reported_at_the_line_of_its_owner(config: dict[str, Any], data: st.DataObject) -> None:
    required = [
        (section, name, key)
        for section, keys in (
            ("providers", ("base_url",)),
            ("models", ("path", "id", "engine", "provider")),
            ("aliases", ("targets",)),
        )
        for name, entry in config[section].items()
        for key in keys
        if key in entry
    ]
    at = data.draw(st.sampled_from(required))
    del config[at[0]][at[1]][at[2]]
    text, where = generate.written(config)
    lines = {problem.line for problem in problems(text)}
    assert where[at[:2]] in lines
    # Only the catalogue knows which providers need a URL of their own; the schema does not.
    assert at[2] == "base_url" or errors(SCHEMA, config)


yaml_like = st.text(alphabet="abc:-[]{}#&*!|>'\"%@`,?\n\t $~<0.1\\u", max_size=60)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace")),
        yaml_like.map(str.encode),
    )
)
def test_arbitrary_bytes_give_a_configuration_or_a_config_error(data: bytes) -> None:
    try:
        load_bytes(data, path=PATH, env={"HOME": "/h"}, engines=Catalogue())
    except ConfigError as error:
        assert error.problems
        assert all(problem.message for problem in error.problems)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_a_damaged_example_gives_a_configuration_or_a_config_error(data: st.DataObject) -> None:
    good = example().encode()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 60)))
    damaged = good[:start] + data.draw(yaml_like).encode() + good[end:]
    try:
        load_bytes(damaged, path=PATH, env={"HOME": "/h"}, engines=Catalogue())
    except ConfigError as error:
        assert all(0 <= problem.line <= damaged.count(b"\n") + 1 for problem in error.problems)


Problems = Callable[..., list[Problem]]
MODEL = "models:\n  m: {engine: llamacpp, path: x.gguf}\n"


@pytest.mark.parametrize(
    ("text", "path", "line", "words"),
    [
        ("server:\n  port: high\n", "server.port", 2, "must be a whole number, not 'high'"),
        ("server:\n  port: true\n", "server.port", 2, "not the word true"),
        ("server:\n  port: 70000\n", "server.port", 2, "at least 0 and at most 65535"),
        ("server:\n  port: 40.5\n", "server.port", 2, "must be a whole number, not the number 40.5"),
        ("server:\n  port:\n", "server.port", 2, "not nothing"),
        ("server:\n  host: 127\n", "server.host", 2, "must be text, not the number 127 (put it in quotes)"),
        ("server:\n  hosts: a.lan\n", "server.hosts", 2, "must be a list, not 'a.lan'"),
        ("server:\n  hosts: [a, b, a]\n", "server.hosts[2]", 2, "a is listed twice"),
        ("server:\n  drain_timeout: soon\n", "server.drain_timeout", 2, "a duration such as 30s, 5m or 1h30m"),
        ("server:\n  drain_timeout: -1\n", "server.drain_timeout", 2, "cannot be for ever"),
        ("server:\n  drain_timeout: 0\n", "server.drain_timeout", 2, "at least 1ms"),
        ("server:\n  drain_timeout: .inf\n", "server.drain_timeout", 2, "must be a duration"),
        (f"server:\n  drain_timeout: {'9' * 400}\n", "server.drain_timeout", 2, ""),
        ("server:\n  limits:\n    body: 3 parsecs\n", "server.limits.body", 3, "a size such as 512MiB"),
        (f"server:\n  limits:\n    body: {'9' * 400}\n", "server.limits.body", 3, "a size such as 512MiB"),
        ("server:\n  prot: 1\n", "server.prot", 2, "no such setting (did you mean port?)"),
        ("server: [1]\n", "server", 1, "must be settings (`name: value`), not a list"),
        ("defaults:\n  cold: cloud\n", "defaults.cold", 2, "must be wait, cloud-while-cold or reject, not 'cloud'"),
        ("defaults:\n  cold: rejct\n", "defaults.cold", 2, "did you mean reject?"),
        ("providers:\n  p:\n    api_base: x\n", "providers.p.api_base", 3, "did you mean base_url?"),
        ("providers:\n  p:\n    url: x\n", "providers.p.url", 3, "did you mean base_url?"),
        ("providers:\n  p: {}\n", "providers.p.base_url", 2, "base_url is missing (for example base_url: https:"),
        ('models:\n  "a b": {engine: llamacpp, path: x}\n', 'models["a b"]', 2, "letters, digits and . _ : / @ -"),
        ("models:\n  ../x: {engine: llamacpp, path: x}\n", 'models["../x"]', 2, "cannot be used"),
        ('models:\n  "": {engine: llamacpp, path: x}\n', 'models[""]', 2, "a name is empty"),
        ("engines:\n  llamacpp:\n    env: {A-B: c}\n", "engines.llamacpp.env.A-B", 3, "letters, digits and _"),
        ("engines:\n  llamacpp:\n    options: {parallel: 1e999}\n", "engines.llamacpp.options.parallel", 3, "finite"),
        ("engines:\n  llamacpp:\n    command: 7\n", "engines.llamacpp.command", 3, "text or a list of words"),
        ('models:\n  m: {engine: llamacpp, path: ""}\n', "models.m.path", 2, "must not be empty"),
        ('models:\n  m: {engine: llamacpp, path: "a\\0b"}\n', "models.m.path", 2, "zero byte"),
        ("models:\n  m: {engine: llamacpp, path: x, capabilities: []}\n", "models.m.capabilities", 2, "not be empty"),
        ("models:\n  m: {engine: llamacpp, path: x, capabilities: [chatt]}\n", "models.m.capabilities[0]", 2, "chat?"),
    ],
)  # fmt: skip
def test_problems_in_plain_words(problems_of: Problems, text: str, path: str, line: int, words: str) -> None:
    found = [(problem.path, problem.line, str(problem)) for problem in problems_of(text)]
    assert any((path, line) == entry[:2] and words in entry[2] for entry in found), found


def test_all_problems_are_reported_in_the_order_of_the_file(problems_of: Problems) -> None:
    text = (
        "server: {port: x, prot: 1}\ndefaults: {cold: y}\nmodels:\n  m: {engine: nope}\naliases:\n  a: {targets: [z]}\n"
    )
    found = problems_of(text)
    assert [problem.line for problem in found] == [1, 1, 2, 4, 6]


def test_a_broken_model_is_still_known_to_those_who_name_it(problems_of: Problems) -> None:
    found = problems_of(MODEL.replace("path", "pth") + "aliases:\n  a: {targets: [m]}\n")
    assert {problem.path for problem in found} == {"models.m.pth", "models.m.path"}


def test_a_model_may_stand_for_every_name(load_text: Callable[..., Loaded]) -> None:
    loaded = load_text("providers: {a: {base_url: 'https://h.example/v1'}}\nmodels: {'*': {provider: a, id: '*'}}")
    assert [route.name for route in loaded.routes] == ["*"]
