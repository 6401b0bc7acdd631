from __future__ import annotations

from pathlib import Path

from glowplug.cli.main import VERBS, cli
from glowplug.cli.output import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NOT_ALLOWED,
    EXIT_NOT_RUNNING,
    EXIT_PIPE,
    EXIT_USAGE,
)
from glowplug.cli.reference import page

CODES = (EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_RUNNING, EXIT_NOT_ALLOWED, EXIT_INTERRUPTED, EXIT_PIPE)


def test_the_page_is_current() -> None:
    written = Path(__file__).parents[2] / "docs" / "cli.md"
    assert written.read_text() == page(), "run: python -m glowplug.cli.reference > docs/cli.md"


def test_the_page_has_every_verb_and_exit_code() -> None:
    text = page()
    assert all(f"\n## glowplug {verb}\n" in text for verb in VERBS)
    assert all(f"\n| {code} | " in text for code in CODES)
    assert all(f"\n  {code}  " in (cli.epilog or "") for code in CODES)


def test_the_table_of_verbs_repeats_nothing_the_verbs_deny() -> None:
    import click

    context = click.Context(cli, info_name="glowplug")
    for verb in VERBS:
        command = cli.get_command(context, verb)
        assert command is not None
        assert command.name == verb
        assert (command.help or "").strip()
