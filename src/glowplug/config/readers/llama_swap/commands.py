"""A command line of llama-swap → the engine that it starts, with what our file says of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.llama_swap.macros import ours

_PORT: Final = "${PORT}"
_OWN: Final = ("--host", "--port", "--alias", "-a", "--api-key", "--served-model-name")
"""What we say ourselves at every start."""
_KINDS: Final = {
    "--embedding": "embeddings", "--embeddings": "embeddings", "--rerank": "rerank", "--reranking": "rerank",
}  # fmt: skip
_FILES: Final = ("-m", "--model")
_ELSEWHERE: Final = (
    "-hf",
    "-hfr",
    "--hf-repo",
    "-mu",
    "--model-url",
    "-hff",
    "--hf-file",
    "--models-dir",
    "--models-preset",
)
"""llama-server finds its weights itself then."""
_NAMED = re.compile(r"(--?[A-Za-z][A-Za-z0-9-]*)=(.*)", re.DOTALL)


class Command(NamedTuple):
    """What a command line says."""

    engine: str
    fields: dict[str, Value]
    """Of `models.NAME`."""
    port: bool
    """It takes the port it is given."""


class NoCommand(ValueError):
    """A command line that cannot be read; says why."""


def words(text: str) -> list[str]:
    """The words of a command line without comments; raises NoCommand."""
    lines = [line for line in text.replace("\\\n", " ").split("\n") if not line.strip().startswith("#")]
    try:
        found = shlex.split(" ".join(lines), posix=True)
    except ValueError:
        raise NoCommand("a quotation mark in it has no partner") from None
    if not found or not found[0]:
        raise NoCommand("it names no program")
    return found


def command(text: str) -> Command:
    """Raises NoCommand."""
    given = words(text)
    program = given[0].rsplit("/", 1)[-1].removesuffix(".exe")
    found = None
    if program == "llama-server":
        found = _llamacpp(given)
    elif program == "vllm" and given[1:2] == ["serve"]:
        found = _vllm(given[:2], given[2:])
    elif re.fullmatch(r"python[0-9.]*", program) and given[1:3] == ["-m", "vllm.entrypoints.openai.api_server"]:
        found = _vllm(given[:3], given[3:])
    return found or _plain(given)


def _llamacpp(given: Sequence[str]) -> Command | None:
    """None for what it finds by itself."""
    path, kinds, rest = "", [], []
    arguments = _single(given[1:])
    port = _uses_port(arguments)
    while arguments:
        word = arguments.pop(0)
        if word in _ELSEWHERE:
            return None
        if word in _FILES and arguments:
            path = arguments.pop(0)
        elif word in _OWN and arguments:
            arguments.pop(0)
        elif word in _KINDS:
            kinds.append(_KINDS[word])
        else:
            rest.append(word)
    if not path or any(_PORT in word for word in rest):
        return None
    fields: dict[str, Value] = {"engine": "llamacpp", "path": ours(path)}
    if given[0] != "llama-server":
        fields["command"] = [ours(given[0])]
    if kinds:
        fields["capabilities"] = list(dict.fromkeys(kinds))
    if rest:
        fields["args"] = [ours(word) for word in rest]
    return Command("llamacpp", fields, port)


def _vllm(program: Sequence[str], arguments: Sequence[str]) -> Command | None:
    model, rest = "", []
    queue = _single(arguments)
    port = _uses_port(queue)
    if queue and not queue[0].startswith("-"):
        model = queue.pop(0)
    while queue:
        word = queue.pop(0)
        if word == "--model" and queue:
            model = queue.pop(0)
        elif word in _OWN and queue:
            queue.pop(0)
        else:
            rest.append(word)
    if not model or any(_PORT in word for word in rest):
        return None
    fields: dict[str, Value] = {"engine": "vllm", "path" if model[0] in "/~." else "id": ours(model)}
    if list(program) != ["vllm", "serve"]:
        fields["command"] = [ours(word) for word in program]
    if rest:
        fields["args"] = [ours(word) for word in rest]
    return Command("vllm", fields, port)


def _plain(given: Sequence[str]) -> Command:
    placed = [ours(word.replace(_PORT, "{port}")) for word in given]
    return Command("command", {"engine": "command", "command": list(placed)}, any(_PORT in word for word in given))


def stop(text: str) -> list[str]:
    """The words of `cmdStop`; raises NoCommand, also where it needs the number of a process."""
    found = [ours(word.replace(_PORT, "{port}")) for word in words(text)]
    if any("$${PID}" in word for word in found):
        raise NoCommand("it is told the number of a process, and ours are asked to end by a signal")
    return found


def with_port(given: Sequence[str], port: int) -> list[str] | None:
    """The words with `{port}` where this port is a word, or the first of two (`8999:8080`); None when it is nowhere."""
    found = [
        "{port}" if word == str(port) else "{port}" + word[len(str(port)) :] if word.startswith(f"{port}:") else word
        for word in given
    ]
    return found if found != list(given) else None


def _single(arguments: Sequence[str]) -> list[str]:
    """`--flag=value` as two words."""
    found: list[str] = []
    for word in arguments:
        match = _NAMED.fullmatch(word)
        found += match.groups() if match and match[1] in (*_OWN, *_FILES, *_ELSEWHERE) else (word,)
    return found


def _uses_port(arguments: Sequence[str]) -> bool:
    return any(_PORT in word for word in arguments)
