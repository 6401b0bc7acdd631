"""What each engine needs and what does not belong together, with the line it is at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from glowplug.config.check_local import Given, check_local, check_request_defaults
from glowplug.config.load import Loaded
from glowplug.config.schema_models import Engine, Model
from glowplug.errors import Problem

from .conftest import Catalogue

Problems = Callable[..., list[Problem]]

COMMAND = "models:\n  m:\n    engine: command\n    command: [serve]\n"
READY = COMMAND + "    ready: {tcp: true}\n"


@pytest.mark.parametrize(
    ("text", "path", "line", "words"),
    [
        ("models:\n  m: {engine: llamacpp}\n", "path", 2, "path is missing (for example path: ~/models/hermes.gguf)"),
        ("models:\n  m: {engine: vllm}\n", "path", 2, "path or id is missing"),
        ("models:\n  m: {engine: ollama}\n", "id", 2, "id is missing (for example id: mistral:7b)"),
        ("models:\n  m: {engine: ollama, path: x, id: y}\n", "path", 2, "is not used by ollama, which takes id"),
        ("models:\n  m:\n    engine: vllm\n    path: x\n    id: y\n", "id", 5, "path and id are both given"),
        ("models:\n  m: {engine: command, ready: {tcp: true}}\n", "command", 2, "command or unit is missing"),
        (COMMAND, "ready", 2, "ready is missing"),
        (READY + "    unit: x\n    port: 1\n", "unit", 6, "command and unit are both given"),
        ("models:\n  m: {engine: llamacpp, path: x, unit: y, port: 1}\n", "unit", 2, "starts its own processes"),
        ("models:\n  m: {engine: vllm, id: x, ready: {tcp: true}}\n", "ready", 2, "knows itself how it is asked"),
        ("models:\n  m: {engine: vllm, id: x, stop: {signal: SIGINT}}\n", "stop", 2, "knows itself how it is ended"),
        (COMMAND + "    ready: {}\n", "ready", 5, "needs one way, and has none"),
        (COMMAND + "    ready:\n      tcp: false\n", "ready", 5, "needs one way, and has none"),
        (COMMAND + "    ready: {tcp: true, log: x}\n", "ready", 5, "needs one way, not log and tcp"),
        (COMMAND + "    ready:\n      http: /x\n      log: y\n      tcp: true\n", "ready", 5, "http and log and tcp"),
        (COMMAND + "    ready:\n      http: health\n", "ready.http", 6, "is no path"),
        (COMMAND + "    ready:\n      http: ''\n", "ready.http", 6, "is no path"),
        (COMMAND + "    ready:\n      tcp: true\n      status: 204\n", "ready.status", 7, "goes with http"),
        (COMMAND + "    ready:\n      log: 'a('\n", "ready.log", 6, "is no regular expression: missing )"),
        (COMMAND + "    ready:\n      log: ''\n", "ready.log", 6, "must not be empty"),
        (COMMAND + "    ready: {http: /x, status: 600}\n", "ready.status", 5, "at most 599"),
        (COMMAND + "    ready: {htp: /x, tcp: true}\n", "ready.htp", 5, "did you mean http?"),
        (READY + "    stop: {}\n", "stop", 6, "needs one way, and has none"),
        (READY + "    stop: {signal: SIGINT, http: /x}\n", "stop", 6, "needs one way, not http and signal"),
        (READY + "    stop:\n      signal: SIGINTT\n", "stop.signal", 7, "no signal SIGINTT (did you mean SIGINT?)"),
        (READY + "    stop:\n      signal: SIGKILL\n", "stop.signal", 7, "does not ask"),
        (READY + "    stop:\n      http: x\n", "stop.http", 7, "is no path"),
        (READY + "    stop:\n      argv: ['']\n", "stop.argv", 7, "must begin with a program"),
        (COMMAND + "    ready: {http: 5}\n", "ready.http", 5, "must be text"),
        (READY + "    stop:\n      argv: []\n", "stop.argv", 7, "must not be empty"),
        (READY + "    launcher: container\n", "launcher", 6, "a container needs an image"),
        (READY + "    image: x\n", "image", 6, "launcher is auto (add launcher: container)"),
        (READY + "    image: x\n    launcher: systemd\n", "image", 6, "the launcher is systemd"),
        (READY + "    launcher: systemctl\n", "launcher", 6, "must be auto, systemd, process or container"),
        (READY + "    devices: [gpu0, cuda1]\n", "devices[1]", 6, "is no name of a device (write gpu0, gpu1"),
        (READY + "    devices: [gpu0, gpu0]\n", "devices[1]", 6, "gpu0 is listed twice"),
        (READY + "    devices: []\n", "devices", 6, "must not be empty"),
        (READY + "    memory: much\n", "memory", 6, "must be a size such as"),
        (READY + "    host_memory: -1\n", "host_memory", 6, "must be at least 0"),
        (READY + "    memory_max: 0\n", "memory_max", 6, "must be at least 1"),
        (READY + "    priority: 101\n", "priority", 6, "must be at least -100 and at most 100"),
        (READY + "    pinned: 1\n", "pinned", 6, "must be true or false"),
        (READY + "    request_defaults:\n      model: x\n", "request_defaults.model", 7, "what a request itself"),
        (READY + "    request_defaults: {max_tokens: [1]}\n", "request_defaults.max_tokens", 6, "must be a number"),
        (READY + "    keep_alive_most: long\n", "keep_alive_most", 6, "must be a duration"),
        (READY + "    vram: 1GiB\n", "vram", 6, "did you mean memory?"),
    ],
)  # fmt: skip
def test_one_thing_wrong_is_one_problem_at_its_line(
    problems_of: Problems, text: str, path: str, line: int, words: str
) -> None:
    (problem,) = problems_of(text)
    assert (problem.path, problem.line) == (f"models.m.{path}", line)
    assert words in str(problem)


UNIT = "models:\n  m:\n    engine: command\n    unit: whisper.service\n    ready: {tcp: true}\n"


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        (UNIT, "port", "port is missing (say where the unit listens"),
        (UNIT.replace("whisper.service", "a/b") + "    port: 1\n", "unit", "is no name of a unit"),
        (UNIT + "    port: 1\n    launcher: process\n", "unit", "is run by systemd, and the launcher is process"),
        ("engines: {command: {launcher: process}}\n" + UNIT + "    port: 1\n", "unit", "the launcher is process"),
        (UNIT + "    port: 1\n    args: [x]\n", "args", "does not apply to a unit"),
        (UNIT + "    port: 1\n    env: {A: b}\n", "env", "does not apply to a unit"),
    ],
)
def test_an_existing_unit_has_its_own_command_line(problems_of: Problems, text: str, path: str, words: str) -> None:
    (problem,) = problems_of(text)
    assert problem.path == f"models.m.{path}"
    assert words in str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "models:\n  m: {engine: vllm, path: x}\n",
        "models:\n  m: {engine: sglang, id: x}\n",
        "models:\n  m: {engine: ollama, id: x, memory: 0}\n",
        READY,
        READY + "    id: whisper-1\n    path: weights.bin\n",
        READY + "    stop: {signal: SIGINT}\n    launcher: container\n    image: x\n",
        UNIT + "    port: 1\n",
        UNIT + "    port: 1\n    launcher: systemd\n",
        "engines:\n  llamacpp: {launcher: container, image: x}\nmodels:\n  m: {engine: llamacpp, path: x}\n",
    ],
)
def test_what_belongs_together_loads(load_text: Callable[..., Loaded], text: str) -> None:
    assert [model.name for model in load_text(text).local_models] == ["m"]


@pytest.mark.parametrize("field", ["ready: {http: '${NO}'}", "ready: {log: '${NO}'}"])
def test_a_value_that_cannot_be_had_makes_the_model_unavailable_and_no_second_problem(
    load_text: Callable[..., Loaded], field: str
) -> None:
    loaded = load_text(COMMAND + f"    {field}\n")
    assert loaded.local_models == ()
    assert "NO is not set" in loaded.routes[0].unavailable


def test_the_rules_alone_need_no_file(tmp_path: Path) -> None:
    model = Model(engine="llamacpp", path="x")
    given = Given(("models", "m"), {("models", "m", "engine"), ("models", "m", "path")}, set())
    assert list(check_local(model, Engine(), given, Catalogue())) == []
    [found] = check_request_defaults(("models", "m"), {"stream": True, "max_tokens": 1})
    assert found.path == ("models", "m", "request_defaults", "stream")
