"""The page `docs/cli.md`, made from the help texts: `python -m glowplug.cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from glowplug.cli.command import COMMON, example_lines
from glowplug.cli.main import VERBS, cli

_OPENING = """# The command line

<!-- Made by `python -m glowplug.cli.reference` from the help of the commands. -->

`glowplug VERB …` talks to the server that runs on the state directory, or to the one that `--url` names.
`glowplug VERB --help` says what is below.

| verb | does |
|---|---|"""

_MANNERS = """
## Exit codes

| code | means |
|---|---|
| 0 | done |
| 1 | failed; stderr says what happened and what to do |
| 2 | wrong usage |
| 3 | nothing is running there |
| 4 | not allowed: no key, an unknown key, or a key that may not do this |
| 78 | `glowplug up` cannot start and would fail again: its configuration is wrong, or its database cannot be used |
| 130 | interrupted (Ctrl-C) |
| 141 | the reader of the output went away |

`glowplug lease SIZE -- COMMAND` returns the exit code of COMMAND once that runs, 128 + n when signal n ended it.

## For scripts

- stdout carries what was asked for and nothing else. Progress (on a terminal only), hints and errors go to stderr.
- `--json` makes stdout exactly one JSON document: the answer, or `{"error": {"message", "code", "hint"}}` with exit
  code 1, 3 or 4. Lists are `{"data": […]}`. Wrong usage (2) is said on stderr only.
- `glowplug keys create NAME` writes the new key alone to stdout: `KEY=$(glowplug keys create ci)`.
- Tables are cut to the width of a terminal, never in a pipe. `NO_COLOR` turns colours off.

The key of this user's command line (`cli.key` in the state directory) is sent to the server of that state directory and
to loopback addresses only. For any other `--url` name a key with `--key` or `GLOWPLUG_API_KEY`.
"""


def page() -> str:
    """The whole page."""
    root = click.Context(cli, info_name="glowplug")
    lines = [_OPENING]
    lines += [f"| [`{verb}`](#glowplug-{verb}) | {summary} |" for verb, summary in VERBS.items()]
    lines += ["", "## Options of every verb", "", "They are understood before and after the verb.", ""]
    lines += _options(cli, common=True)
    lines.append(_MANNERS.rstrip())
    for verb in VERBS:
        command = cli.get_command(root, verb)
        assert command is not None
        lines += _command(command, click.Context(command, info_name=verb, parent=root), "##")
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("", f"{heading} {context.command_path}", "", "```", usage, "```")
    if not isinstance(command, click.Group):
        yield from ("", *_prose(command), "", "```console")
        yield from (f"$ {line}" for line in example_lines(command))
        yield "```"
        options = _options(command, common=False)
        yield from ("", *options) if options else ()
        return
    yield from ("", *_prose(command))
    for name, below in command.commands.items():
        yield from _command(below, click.Context(below, info_name=name, parent=context), heading + "#")


def _prose(command: click.Command) -> list[str]:
    text = inspect.cleandoc(command.help or "").partition("\b")[0]
    return text.strip().splitlines()


def _options(command: click.Command, *, common: bool) -> list[str]:
    chosen = [one for one in command.params if isinstance(one, click.Option) and (one.name in COMMON) is common]
    rows = [f"| {_spelling(option)} | {_meaning(option)} |" for option in chosen if option.help]
    return ["| option | meaning |", "|---|---|", *rows] if rows else []


def _spelling(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} " + " or ".join(f"`{choice}`" for choice in option.type.choices)
    return f"{names} {option.metavar or ''}".rstrip()


def _meaning(option: click.Option) -> str:
    text = (option.help or "").replace("|", "\\|")
    return f"{text} Default: `{option.default}`." if option.show_default else text


if __name__ == "__main__":
    print(page(), end="")
