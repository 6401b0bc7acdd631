"""`glowplug completion`: the script with which a shell completes verbs, options and model names."""

from __future__ import annotations

import click

from glowplug.cli.command import Session, Verb, common_options, current

_BOUND = 0.3
"""Seconds a shell waits for names at most."""

_INSTALL = {
    "bash": 'add to ~/.bashrc:  eval "$(glowplug completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(glowplug completion zsh)"',
    "fish": "glowplug completion fish > ~/.config/fish/completions/glowplug.fish",
}


@click.command("completion", cls=Verb)
@click.argument("shell", type=click.Choice(list(_INSTALL)))
@common_options
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    Model names are asked from the running server, which has 300 ms to answer.

    \b
    Examples:
      eval "$(glowplug completion bash)"
      glowplug completion fish > ~/.config/fish/completions/glowplug.fish
    """
    from glowplug.cli.main import COMPLETE_VARIABLE, cli

    output = current().output
    script = _script(shell, cli, COMPLETE_VARIABLE)
    if output.as_json:
        output.document({"shell": shell, "script": script})
        return
    output.line(script)
    if output.terminal:
        output.note(_INSTALL[shell])


def _script(shell: str, command: click.Command, variable: str) -> str:
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    maker = kind(command, {}, "glowplug", variable)
    return (maker.source_template % maker.source_vars()).strip()


def names(context: click.Context, path: str, field: str, incomplete: str, *, kind: str = "") -> list[str]:
    """Names from a list of the server that begin with `incomplete`, of one kind where that is said; none when it does
    not answer in time."""
    from glowplug.errors import GlowplugError

    session = context.find_root().ensure_object(Session)
    try:
        rows = session.client().rows(path, within=_BOUND)
    except GlowplugError:
        return []
    found = [str(row.get(field) or "") for row in rows if not kind or row.get("kind") == kind]
    return [name for name in found if name.startswith(incomplete)]
