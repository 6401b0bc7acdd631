"""A configuration file for a screen, and back."""

from __future__ import annotations

import pytest

from glowplug.config.masked import masked, unmasked
from glowplug.errors import ConfigError

FILE = """\
# the keys of the box
providers:
  named: {kind: openai, api_key: secret:openai}
  fixed:
    kind: openai
    api_key: &one "sk-literal"   # ours
    headers: {x-team: blue}
  other: {kind: openai, api_key: *one, api_kee: 7, api-token: hush}
  block:
    api_key: |
      sk-block
    env: ${HOME}
server:
  database: postgresql://me:word@box/db
models:
  a: {engine: llamacpp, path: a.gguf, max_tokens: 5}
"""
PLACES = (
    "providers.fixed.api_key", "providers.fixed.headers.x-team", "providers.other.api_key",
    "providers.other.api-token", "providers.block.api_key", "server.database",
)  # fmt: skip


def test_secrets_are_masked_and_nothing_else() -> None:
    shown = masked(FILE)
    assert shown.places == PLACES
    assert shown.text == (
        FILE.replace('&one "sk-literal"', '&one "***"')
        .replace("blue", '"***"')
        .replace("hush", '"***"')
        .replace("|\n      sk-block", '"***"')
        .replace("postgresql://me:word@box/db", '"***"')
    )


def test_what_comes_back_has_them_again() -> None:
    assert unmasked(masked(FILE).text, FILE) == FILE.replace("|\n      sk-block", '"sk-block\\n"')
    edited = masked(FILE).text.replace("a.gguf", "b.gguf").replace("# the keys", "# some keys")
    assert 'api_key: &one "sk-literal"   # ours' in unmasked(edited, FILE)
    assert "path: b.gguf" in unmasked(edited, FILE)


def test_a_reference_is_as_good_as_a_mask() -> None:
    edited = masked(FILE).text.replace('&one "***"', "&one ${OPENAI}")
    assert "&one ${OPENAI}" in unmasked(edited, FILE)


@pytest.mark.parametrize(
    ("new", "line", "says"),
    [
        ("providers:\n  new: {api_key: sk-new}\n", 2, "not written into the file"),
        ('providers:\n  new:\n    api_key: "***"\n', 3, "none at this place"),
        ("providers:\n  fixed: {api_key: sk-another}\n", 2, "not written into the file"),
    ],
)
def test_a_new_secret_is_refused_with_its_line(new: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        unmasked(new, FILE)
    [problem] = caught.value.problems
    assert problem.line == line and says in problem.message and "secret:NAME" in problem.hint
    assert "sk-" not in str(caught.value)


def test_what_is_no_yaml_is_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        masked("models: [a\nserver: {\n")
    assert caught.value.problems[0].line


def test_a_new_variable_is_taken_where_it_sounds_harmless() -> None:
    new = "engines:\n  llamacpp: {env: {CUDA_VISIBLE_DEVICES: 1, HF_TOKEN: hf-new}}\n"
    with pytest.raises(ConfigError) as caught:
        unmasked(new, "")
    assert [problem.path for problem in caught.value.problems] == ["engines.llamacpp.env.HF_TOKEN"]
    assert unmasked(new.replace("hf-new", '"${HF}"'), "").count("VISIBLE_DEVICES: 1") == 1
    assert masked(new).text.count('"***"') == 2


def test_nothing_is_nothing() -> None:
    assert masked("").text == unmasked("", "") == ""
    assert masked("# only this\n").places == ()
