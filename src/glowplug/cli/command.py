"""What every verb shares: the options that are understood everywhere, and the one object a verb is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from glowplug.cli.output import Output, from_environment

if TYPE_CHECKING:
    from glowplug.cli.client import Client

_F = TypeVar("_F", bound=Callable[..., Any])

COMMON = ("state_dir", "url", "key", "as_json")
"""Names of the parameters that `common_options` adds."""


class Session:
    """One run of the command: what was asked for everywhere, and the ways out (terminal, server)."""

    def __init__(self) -> None:
        self.state_dir: Path | None = None
        self.url: str | None = None
        self.key: str | None = None
        self.as_json = False
        self._output: Output | None = None

    @property
    def output(self) -> Output:
        if self._output is None:
            self._output = from_environment(as_json=self.as_json)
        return self._output

    def client(self) -> Client:
        """A client of the running server: the one of the state directory that was named, else this user's own, else
        the demo's.  Raises Unavailable (exit code 3) when there is none."""
        from glowplug.cli.client import Client, find, is_running
        from glowplug.paths import demo_paths, state_paths

        paths = state_paths(self.state_dir)
        if self.state_dir is None and not self.url and not is_running(paths) and is_running(demo_paths()):
            paths = demo_paths()
        return Client(find(paths, self.url, self.key))


def current() -> Session:
    """The session of the command that runs now."""
    return click.get_current_context().find_root().ensure_object(Session)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if not value or parameter.name is None:
        return
    inherited = context.get_parameter_source(parameter.name) is ParameterSource.ENVIRONMENT
    if context.parent is None or not inherited:  # the environment never overrides an option given before the verb
        setattr(context.find_root().ensure_object(Session), parameter.name, value)


def common_options(function: _F) -> _F:
    """Add --state-dir, --url, --key and --json; the verb finds them in `current()`."""
    options = (
        click.option(
            "--state-dir",
            type=click.Path(path_type=Path),
            envvar="GLOWPLUG_STATE_DIR",
            metavar="DIR",
            expose_value=False,
            callback=_keep,
            help="Where this installation keeps its state [GLOWPLUG_STATE_DIR].",
        ),
        click.option(
            "--url",
            envvar="GLOWPLUG_URL",
            metavar="URL",
            expose_value=False,
            callback=_keep,
            help="Talk to this server, not to the one of the state directory [GLOWPLUG_URL].",
        ),
        click.option(
            "--key",
            envvar="GLOWPLUG_API_KEY",
            metavar="KEY",
            expose_value=False,
            callback=_keep,
            help="API key to use [GLOWPLUG_API_KEY].",
        ),
        click.option(
            "--json",
            "as_json",
            is_flag=True,
            expose_value=False,
            callback=_keep,
            help="Answer with one JSON document on stdout.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _every_model(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/v1/models", "id", incomplete)


def _local_model(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from glowplug.cli.completion import names

    return names(context, "/admin/instances", "model", incomplete)


any_model = click.argument("model", shell_complete=_every_model)
"""The MODEL argument of a verb that takes any model or alias."""

local_model = click.argument("model", shell_complete=_local_model)
"""The MODEL argument of a verb that acts on an engine of this machine."""

optional_local_model = click.argument("model", required=False, shell_complete=_local_model)
"""The same, where it may be left out."""

dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


class Verb(click.Command):
    """A command whose help sets its own options apart from those of every verb."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                (everywhere if parameter.name in COMMON else own).append(record)
        for title, records in (("Options", own), ("Options of every verb", everywhere)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Noun(click.Group):
    """A verb with verbs of its own (`glowplug keys list`)."""

    command_class = Verb

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


def example_lines(command: click.Command) -> list[str]:
    """The lines below `Examples:` in a command's help."""
    text = inspect.cleandoc(command.help or "")
    return [line.strip() for line in text.partition("Examples:\n")[2].splitlines() if line.strip()]
