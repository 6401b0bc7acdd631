"""Rules between entries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glowplug.config.check import only_fields
from glowplug.config.load import Loaded
from glowplug.errors import Problem

M = "models:\n  m: {engine: llamacpp, path: x}\n"
TWO_PORTS = "models:\n  a: {engine: vllm, path: x, port: 1}\n  b: {engine: vllm, path: x, port: 1}\n"
G = "groups.g.members[0]"
P = "providers:\n  p: {base_url: 'https://p/v1'}\n"


@pytest.mark.parametrize(
    ("text", "path", "line", "words"),
    [
        ("models:\n  m: {}\n", "models.m", 2, "provider and id"),
        ("models:\n  m: {engine: , path: x}\n", "models.m", 2, "needs an engine or a provider"),
        (P + "models:\n  m:\n    engine: llamacpp\n    provider: p\n", "models.m.provider", 6, "not both"),
        ("models:\n  m: {engine: llamacpp}\n", "models.m.path", 2, "path is missing"),
        (P + "models:\n  m: {provider: p}\n", "models.m.id", 4, "id is missing"),
        ("models:\n  m: {engine: lamacpp, path: x}\n", "models.m.engine", 2, "did you mean llamacpp?"),
        ("models:\n  m: {engine: zzz, path: x}\n", "models.m.engine", 2, "llamacpp, ollama"),
        ("engines:\n  vlm: {}\n", "engines.vlm", 2, "did you mean vllm?"),
        ("engines:\n  vllm: {command: []}\n", "engines.vllm.command", 2, "must not be empty"),
        (P + "models:\n  m: {provider: q, id: x}\n", "models.m.provider", 4, "providers: p"),
        ("models:\n  m: {provider: q, id: x}\n", "models.m.provider", 2, "add it under providers:"),
        (P + "models:\n  m: {provider: p, id: x, keep_alive: 5m}\n", "models.m.keep_alive", 4, "comes from a provider"),
        ("models:\n  m: {engine: llamacpp, path: x, id: y}\n", "models.m.id", 2, "is not used by llamacpp"),
        ("models:\n  m: {engine: llamacpp, path: x, options: {z: 1}}\n", "models.m.options.z", 2, "no such option"),
        ("engines:\n  llamacpp:\n    options: {z: 1}\n" + M, "engines.llamacpp.options.z", 3, "no such option"),
        (M + "aliases:\n  m: {targets: [m]}\n", "aliases.m", 4, "a model has the same name"),
        (M + "aliases:\n  a: {targets: [mm]}\n", "aliases.a.targets[0]", 4, "there is no model mm (did you mean m?)"),
        (M + "aliases:\n  a:\n    targets:\n    - b\n  b: {targets: [m]}\n", "aliases.a.targets[0]", 6, "is an alias"),
        (M + "aliases:\n  a: {targets: [m, m]}\n", "aliases.a.targets[1]", 4, "m is listed twice"),
        (M + "aliases:\n  a: {targets: []}\n", "aliases.a.targets", 4, "must not be empty"),
        (M + "aliases:\n  a:\n", "aliases.a.targets", 4, "targets is missing"),
        ("providers:\n  p: {base_url: ftp://x}\n", "providers.p.base_url", 2, "is not an http:// or https:// URL"),
        ("providers:\n  p: {base_url: 'http://[x'}\n", "providers.p.base_url", 2, "is not an http:// or https:// URL"),
        ("providers:\n  p: {base_url: 'https://u:hunter2@x'}\n", "providers.p.base_url", 2, "user or password"),
        ("providers:\n  p: {base_url: 'https://x/?a'}\n", "providers.p.base_url", 2, "query or fragment"),
        ("providers:\n  p: {base_url: 'https://x', api_key: ''}\n", "providers.p.api_key", 2, "is empty"),
        ("providers:\n  p: {base_url: 'https://x', api_key: 'hunter2 b'}\n", "providers.p.api_key", 2, "be sent"),
        ("providers:\n  p: {base_url: 'https://x', headers: {a b: c}}\n", 'providers.p.headers["a b"]', 2, "header's"),
        ("providers:\n  p: {base_url: 'https://x', headers: {Host: c}}\n", "providers.p.headers.Host", 2, "is set by"),
        ("models:\n  a: {engine: vllm, path: x, port: 4000}\n", "models.a.port", 2, "used by the server itself"),
        (M + "groups:\n  g: {members: [mm]}\n", "groups.g.members[0]", 4, "no model mm (did you mean m?)"),
        (M + "groups:\n  g:\n    members:\n    - a\naliases:\n  a: {targets: [m]}\n", G, 6, "is an alias"),
        (P + "models:\n  m: {provider: p, id: x}\ngroups:\n  g: {members: [m]}\n", G, 6, "this machine"),
        (M + "groups:\n  g: {members: [m, m]}\n", "groups.g.members[1]", 4, "m is listed twice"),
        (M + "groups:\n  g: {members: []}\n", "groups.g.members", 4, "must not be empty"),
        (M + "groups:\n  g: {}\n", "groups.g.members", 4, "members is missing"),
        (M + "groups:\n  g: {members: [m], most: 0}\n", "groups.g.most", 4, "must be at least 1"),
        ("engines:\n  llamacpp: {image: x}\n" + M, "engines.llamacpp.image", 2, "is for a container"),
        ("memory: {reserve: lots}\n", "memory.reserve", 1, "must be a size"),
        ("memory: {pressure: 0}\n", "memory.pressure", 1, "at least 1ms"),
        ("scheduling: {starvation: -1}\n", "scheduling.starvation", 1, "for ever"),
        ("scheduling: {queu: 1}\n", "scheduling.queu", 1, "did you mean queue?"),
        (P + "models:\n  m: {provider: p, id: x, pinned: true}\n", "models.m.pinned", 4, "comes from a provider"),
        (TWO_PORTS, "models.b.port", 3, "port 1 is used by model a"),
    ],
)  # fmt: skip
def test_one_thing_wrong_is_one_problem_at_its_line(
    problems_of: Callable[..., list[Problem]], text: str, path: str, line: int, words: str
) -> None:
    (problem,) = problems_of(text)
    assert (problem.path, problem.line) == (path, line)
    assert words in str(problem)
    assert "hunter2" not in str(problem)


def test_an_option_of_the_engine_that_a_model_overrides_is_checked_as_overridden(
    problems_of: Callable[..., list[Problem]],
) -> None:
    text = "engines:\n  llamacpp: {options: {parallel: x}}\n" + M.replace("}", ", options: {parallel: y}}")
    assert [problem.line for problem in problems_of(text)] == [2, 4]


def test_models_of_one_daemon_share_its_port_with_nobody_else(
    load_text: Callable[..., Loaded], problems_of: Callable[..., list[Problem]]
) -> None:
    text = "models:\n  a: {engine: ollama, id: x, port: 1}\n  b: {engine: ollama, id: y, port: 1}\n"
    assert len(load_text(text).local_models) == 2
    [problem] = problems_of(text + "  c: {engine: vllm, id: y, port: 1}\n")
    assert (problem.path, problem.message) == ("models.c.port", "port 1 is used by engine ollama")


def test_a_group_that_forbids_nothing_is_a_warning(load_text: Callable[..., Loaded]) -> None:
    text = M + "groups:\n  a: {members: [m]}\n  b: {members: [m], exclusive: true}\n"
    found = [problem.path for problem in load_text(text).warnings if "loaded together" in problem.message]
    assert found == ["groups.a.most"]


def test_an_image_of_an_engine_is_for_those_of_its_models_that_run_in_containers(
    load_text: Callable[..., Loaded],
) -> None:
    text = "engines:\n  llamacpp: {image: i}\nmodels:\n"
    text += "  m: {engine: llamacpp, path: x, launcher: container}\n  n: {engine: llamacpp, path: x}\n"
    assert [(model.launcher, model.image) for model in load_text(text).local_models] == [
        ("container", "i"),
        ("auto", ""),
    ]


def test_a_key_over_plain_http_is_a_warning(load_text: Callable[..., Loaded]) -> None:
    text = "providers:\n  p: {base_url: 'http://lab/v1', api_key: k}\n  q: {base_url: 'http://127.0.0.1', api_key: k}\n"
    found = [problem.path for problem in load_text(text).warnings if "unencrypted" in problem.message]
    assert found == ["providers.p.base_url"]


def test_the_fields_of_a_model_are_looked_up_once_however_many_models_there_are(
    load_text: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []

    def counted() -> dict[str, str]:
        calls.append(None)
        return only_fields()

    monkeypatch.setattr("glowplug.config.check.only_fields", counted)
    load_text("models:\n" + "".join(f"  m{number}: {{engine: llamacpp, path: m.gguf}}\n" for number in range(20)))
    assert len(calls) == 1
