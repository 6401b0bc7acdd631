"""Single settings set in a configuration file."""

from __future__ import annotations

import pytest

from glowplug.config.fields import set_field
from glowplug.errors import ConfigError

TEXT = """\
# mine
models:
  chat-a-ollama:  # the first
    engine: ollama
    keep_alive: -1   # for ever

  chat-b-ollama: {engine: ollama, id: b}  # the second
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("models", "chat-a-ollama", "keep_alive"), "30m", "keep_alive: -1 ", "keep_alive: \"30m\" "),
        (("models", "chat-a-ollama", "id"), "a", "# for ever\n", "# for ever\n    id: a\n"),
        (("models", "chat-b-ollama", "rpm"), 60, "id: b}", "id: b, rpm: 60}"),
        (("models", "chat-a-ollama", "request_defaults", "max_tokens"), 9, "# for ever\n",
         "# for ever\n    request_defaults: {max_tokens: 9}\n"),
    ],
)  # fmt: skip
def test_a_setting_is_set_and_the_rest_stays(path: tuple[str, ...], value: str, old: str, new: str) -> None:
    assert set_field(TEXT, path, value) == TEXT.replace(old, new, 1)


def test_a_section_that_is_not_there_comes_with_it() -> None:
    text = set_field("server:\n  port: 1\n", ("defaults", "keep_alive"), "5m")
    assert text.startswith("server:\n  port: 1\n")
    assert text.endswith('  keep_alive: "5m"\n')


def test_a_text_without_a_line_end_has_none_afterwards() -> None:
    assert set_field("defaults:\n  cold: wait", ("defaults", "timeout"), 5) == "defaults:\n  cold: wait\n  timeout: 5"


@pytest.mark.parametrize(
    "text",
    [
        "models:\n  a: &x {rpm: 1}\n  b: *x\n",
        "models:\n  b:\n    rpm: [1]\n",
        "models:\n  b:\n    rpm: |\n      1\n",
        "models:\n  b:\n    rpm: 1\n    rpm: 1\n",
    ],
)
def test_what_cannot_be_edited_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        set_field(text, ("models", "b", "rpm"), 2)
