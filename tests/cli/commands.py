"""Every command there is, and one as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from glowplug.cli.main import VERBS, cli


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    context = click.Context(cli, info_name="glowplug")
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        found.append((verb, command))
        if isinstance(command, click.Group):
            found += [(f"{verb} {name}", below) for name, below in command.commands.items()]
    return found


COMMANDS = every_command()


def process(*args: str, state: Path, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GLOWPLUG_")}
    return subprocess.Popen(
        [sys.executable, "-m", "glowplug", *args],
        env=kept | {"GLOWPLUG_STATE_DIR": str(state), "PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
