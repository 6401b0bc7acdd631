from __future__ import annotations

import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.model import LocalModel
from glowplug.engines.llamacpp import LlamaCpp
from glowplug.errors import RequestError
from glowplug.lifecycle import fitting

ENGINE = LlamaCpp()
MODEL = LocalModel(
    name="a",
    engine="llamacpp",
    path="/m/a.gguf",
    command=("llama-server",),
    options={"ctx_size": 4096, "chat_template": "the-secret"},
    args=("--api-key-file", "the-secret"),
)


def test_options_that_may_be_supposed() -> None:
    found = fitting.supposed(ENGINE, MODEL, {"ctx_size": 8192, "cache_type_k": "q8_0"})
    assert (found.options["ctx_size"], found.options["cache_type_k"]) == (8192, "q8_0")
    assert MODEL.options["ctx_size"] == 4096


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mmproj": "/etc/shadow"}, "mmproj cannot be supposed"),
        ({"ctx_size": -1}, "at least 0"),
        ({"cache_type_k": "q9"}, "one of"),
        ({"ctx_sise": 1}, "ctx_sise is not an option"),
    ],
)
def test_options_that_may_not(options: dict[str, str | int | float | bool], says: str) -> None:
    with pytest.raises(RequestError, match=says):
        fitting.supposed(ENGINE, MODEL, options)


def test_choices_are_numbers_and_words_with_what_is_in_force() -> None:
    found = {one.name: one for one in fitting.choices(ENGINE, MODEL)}
    assert (found["ctx_size"].value, found["ctx_size"].minimum, found["parallel"].value) == (4096, 0, None)
    assert "q8_0" in found["cache_type_k"].choices and "mmproj" not in found


def test_the_command_has_what_was_written_and_not_what_variables_hold() -> None:
    written = {
        "command": ["${PROGRAM}"],
        "path": "${MODELS}/a.gguf",
        "args": ["--api-key-file", "${KEY}"],
        "options": {"ctx_size": 4096, "chat_template": "${TEMPLATE}"},
    }
    words = fitting.command(ENGINE, MODEL, written, {"ctx_size": 8192}, Place())
    assert "the-secret" not in " ".join(words)
    assert words[0] == "${PROGRAM}" and words[-2:] == ("--api-key-file", "${KEY}")
    assert words[words.index("-m") + 1] == "${MODELS}/a.gguf" and words[words.index("--port") + 1] == "PORT"
    assert words[words.index("--ctx-size") + 1] == "8192" and "${TEMPLATE}" in words


def test_a_command_of_one_text_is_cut_as_a_shell_cuts_it() -> None:
    words = fitting.command(ENGINE, MODEL, {"command": "'/opt/a b/llama-server' --x", "path": "a.gguf"}, {}, Place())
    assert words[:2] == ("/opt/a b/llama-server", "--x")
    assert words[words.index("-m") + 1] == "/m/a.gguf" and "the-secret" not in words
