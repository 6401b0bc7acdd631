"""Rules of aliases: who is named, weights, circles; and names that stand for many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from glowplug.config.load import Loaded
from glowplug.domain.model import Policy
from glowplug.errors import Problem

M = """\
providers:
  p: {base_url: 'https://p/v1', api_key: k}
  q: {base_url: 'https://p/v1', api_key: other}
models:
  m: {provider: p, id: m, tags: [fast], context_window: 8192}
  n: {provider: p, id: n}
  o: {provider: q, id: o}
  p/*: {provider: p, id: '*'}
"""


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("  a: {targets: [m], policy: wait}", "aliases.a.policy", "must be order, weight"),
        ("  a: {targets: [m], policy: weight, weights: {mm: 1}}", "aliases.a.weights.mm", "is no target of this alias"),
        ("  a: {targets: [m], policy: weight, weights: {m: 0}}", "aliases.a.weights", "every target has the weight 0"),
        ("  a: {targets: [m], weights: {m: 2}}", "aliases.a.weights", "are not used by the policy order"),
        ("  a: {targets: [m], on_context: [mm]}", "aliases.a.on_context[0]", "did you mean m?"),
        ("  a: {targets: [m], on_content: [n, a]}", "aliases.a.on_content[1]", "leads back to a"),
        (
            "  a: {targets: [m], fallback: [b]}\n  b: {targets: [n], fallback: [a]}",
            "aliases.a.fallback[0]",
            "back to a",
        ),
    ],
)
def test_problems(problems_of: Callable[[str], list[Problem]], text: str, path: str, words: str) -> None:
    found = {problem.path: str(problem) for problem in problems_of(M + "aliases:\n" + text + "\n")}
    assert words in found.get(path, ""), found


def test_the_fallback_of_everybody_names_what_there_is(problems_of: Callable[[str], list[Problem]]) -> None:
    found = problems_of(M + "defaults: {fallback: [nobody]}\n")
    assert [problem.path for problem in found] == ["defaults.fallback[0]"]


def test_an_engine_runs_one_model(problems_of: Callable[[str], list[Problem]]) -> None:
    found = problems_of("models:\n  x/*: {engine: llamacpp, path: x}\n")
    assert [problem.path for problem in found] == ['models["x/*"]']


@pytest.mark.parametrize("name", ["a*b", "*a", "a**"])
def test_a_star_is_at_the_end(problems_of: Callable[[str], list[Problem]], name: str) -> None:
    found = problems_of(f"providers:\n  p: {{base_url: 'https://p/v1'}}\nmodels:\n  '{name}': {{provider: p, id: x}}\n")
    assert any("cannot be used" in str(problem) for problem in found)


def test_what_becomes_of_it(load_text: Callable[[str], Loaded]) -> None:
    result = load_text(
        M + "defaults: {fallback: [c, n]}\naliases:\n"
        "  a: {targets: [m, p/x], policy: weight, weights: {m: 3}, sticky: 5m, on_context: [c], on_content: [n]}\n"
        "  c: {targets: [o]}\n"
        "  d: {targets: [o], fallback: []}\n"
    )
    a, c, d = result.aliases
    assert (a.policy, a.weights, a.sticky) == (Policy.WEIGHT, (3, 1), 300.0)
    assert (a.fallback, a.on_context, a.on_content) == (("c", "n"), ("c",), ("n",))
    assert c.fallback == ("n",), "not itself"
    assert d.fallback == ()
    m, n, o, _ = result.routes
    assert (m.tags, m.context_window, n.tags, n.context_window) == (("fast",), 8192, (), None)
    assert m.credential == n.credential != o.credential
