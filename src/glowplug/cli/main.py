"""The `glowplug` command: finds the verb, imports only that one, and turns every end into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from glowplug import __version__
from glowplug.cli.command import Noun, Session, common_options
from glowplug.cli.output import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_PIPE,
    EXIT_USAGE,
    Output,
    exit_code,
    from_environment,
)
from glowplug.errors import GlowplugError

COMPLETE_VARIABLE = "_GLOWPLUG_COMPLETE"
"""Environment variable with which a shell asks for completions."""

VERBS = {
    "up": "Serve the configured models.",
    "demo": "Serve two tiny models, to look around.",
    "ps": "Show the engines that are loaded.",
    "top": "Watch the engines live, with keys to load and unload.",
    "plan": "Show what loading a model would do.",
    "route": "See where a request would go, and why.",
    "memory": "Show who holds which memory.",
    "lease": "Keep memory for another program.",
    "models": "List models and aliases; add and remove models.",
    "aliases": "List, set and remove aliases.",
    "names": "Propose names for models, and show who uses old ones.",
    "rename": "Call a model something else, everywhere.",
    "providers": "List the providers that are known by name; add and remove them.",
    "run": "Ask a model, or chat with it.",
    "start": "Load a model now.",
    "stop": "Unload a model and give its memory back.",
    "logs": "Show what an engine wrote.",
    "keys": "Create, list, change, replace and revoke API keys.",
    "users": "Keep a list of people, and block them.",
    "invitations": "Invite people, or give them a new password.",
    "sessions": "See who is logged in, and end sessions.",
    "teams": "Keep teams, and who is in them.",
    "manage": "Look after a team that you manage.",
    "changes": "Show what was changed, and by whom.",
    "budgets": "Say how much may be spent, and see what is left.",
    "limits": "Limit users, teams, tags and models.",
    "secrets": "Keep keys of providers sealed in the database.",
    "connect": "Tell Claude Code, Codex, opencode and others to ask here.",
    "usage": "Show tokens, requests and cost by model, key, user, team and day.",
    "requests": "Show what was asked last, with every attempt.",
    "ledger": "Check that the bill is right.",
    "smoke": "Ask every model what it promises.",
    "doctor": "Find what is wrong, and repair it.",
    "backup": "Write everything the database holds into one file.",
    "restore": "Put a backup in the place of what is there.",
    "systemd": "Run as units of systemd: install, look, uninstall.",
    "handover": "Write the page that the next person needs.",
    "config": "Show, check and reload the configuration.",
    "import": "Move in from LiteLLM, llama-swap or Ollama.",
    "export": "Write the configuration for another gateway.",
    "completion": "Print the completion script of a shell.",
}
"""Verb → what it does.  Each is a module of this package with a command of the same name, or see `_MODULES`."""

_MODULES = {"import": "importing", "export": "exporting"}
"""Verb → its module and the command in it, where the verb is a word of the language, or goes with one."""


class Verbs(Noun):
    """The verbs by their names; a verb's module is imported when it is used, so that help and `ps` are instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        from importlib import import_module

        module = _MODULES.get(cmd_name, cmd_name)
        command = getattr(import_module(f"glowplug.cli.{module}"), module)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, 1)
            hint = f"did you mean {near[0]}?" if near else "glowplug --help lists the verbs"
            raise click.UsageError(f"there is no verb {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB …",
    options_metavar="[OPTIONS]",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  nothing is running there
  4  not allowed
  78  up would fail again: its configuration is wrong
  130  interrupted (Ctrl-C)
  141  the reader of the output went away
\b
The options above are understood before and after the verb.
GLOWPLUG_CONFIG names the configuration file; NO_COLOR turns colours off.""",
)
@common_options
@click.version_option(__version__, message="glowplug %(version)s")
def cli() -> None:
    """One endpoint in front of every model: starts the engine a request needs, gives the memory back when idle.

    \b
    Examples:
      glowplug demo                          two tiny models, nothing to set up
      glowplug up                            serve what the configuration names
      glowplug run chat-default "Hello"      ask
      glowplug ps                            what is loaded, and until when
    """


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.  Nothing but a defect of ours gets out of here as an exception."""
    arguments = list(sys.argv[1:] if args is None else args)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    session = Session()
    try:
        code = _run(arguments, session)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_PIPE
    except (KeyboardInterrupt, click.Abort):
        session.output.interrupted()
        return EXIT_INTERRUPTED
    except click.UsageError as error:
        _say_usage(error, from_environment(as_json=False))
        return EXIT_USAGE
    except click.ClickException as error:
        session.output.error(GlowplugError(error.format_message()))
        return error.exit_code
    except GlowplugError as error:
        session.output.error(error)
        return exit_code(error)
    return code


def _run(arguments: list[str], session: Session) -> int:
    if COMPLETE_VARIABLE in os.environ:
        cli.main(arguments, "glowplug", COMPLETE_VARIABLE)  # answers the shell and leaves by SystemExit
    try:
        with cli.make_context("glowplug", arguments, obj=session) as context:
            result = cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return result if isinstance(result, int) else EXIT_DONE


def _say_usage(error: click.UsageError, output: Output) -> None:
    path = error.ctx.command_path if error.ctx is not None else "glowplug"
    message = error.format_message().rstrip(".")
    output.error(GlowplugError(message[:1].lower() + message[1:], hint=f"see {path} --help"))


def _silence_stdout() -> None:
    """The reader is gone: what is still buffered goes nowhere, without a word at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def command_line() -> None:
    """Entry point of `python -m glowplug`."""
    sys.exit(main())
