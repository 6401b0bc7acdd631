"""Plays the readable scripts beside this file.

    $ glowplug ps              a command (also `$ "text" | glowplug …`: the text is piped into stdin)
    plain lines                what it must write to stdout
    2> line                    what it must write to stderr
    [3]                        its exit code, when it is not 0
    # …                        a remark

`[..]` in an expected line stands for anything; `{url}` is the address of the server.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.fake_server import Running

if TYPE_CHECKING:
    from tests.cli.conftest import Glowplug

FOLDER = Path(__file__).parent


@dataclass
class Step:
    line: int
    command: str
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


def steps_of(text: str) -> list[Step]:
    steps: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line.startswith("#") or (not line and (not steps or not steps[-1].out)):
            continue
        elif line.startswith("2>"):
            steps[-1].err.append(line[3:])
        elif re.fullmatch(r"\[\d+\]", line):
            steps[-1].code = int(line[1:-1])
        else:
            steps[-1].out.append(line)
    for step in steps:
        while step.out and not step.out[-1]:
            step.out.pop()
    return steps


def matches(expected: list[str], got: str) -> bool:
    pattern = "\n".join(".*".join(map(re.escape, line.split("[..]"))) for line in expected)
    return re.fullmatch(pattern, got.strip("\n")) is not None


def words_of(command: str) -> tuple[list[str], str]:
    words = shlex.split(command)
    stdin = words[0] if words[1:2] == ["|"] else ""
    return words[2:] if stdin else words, stdin


class Script:
    """Plays the script of one verb and fails at the first line that is not as written."""

    def __init__(self, glowplug: Glowplug, running: Running) -> None:
        self._glowplug = glowplug
        self._running = running

    def play(self, verb: str) -> None:
        path = FOLDER / f"{verb}.txt"
        steps = steps_of(path.read_text().replace("{url}", self._running.url))
        assert steps
        for step in steps:
            words, stdin = words_of(step.command)
            assert words[0] == "glowplug", step
            said = self._glowplug(*words[1:], stdin=stdin)
            where = f"{path.name}:{step.line}: {step.command}\nstdout:\n{said.out}\nstderr:\n{said.err}"
            assert said.code == step.code, where
            assert matches(step.out, said.out), where
            assert matches(step.err, said.err), where
