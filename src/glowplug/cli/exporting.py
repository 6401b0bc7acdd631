"""`glowplug export`: the configuration as another gateway reads it."""

from __future__ import annotations

from pathlib import Path

import click

from glowplug.cli.command import Noun, Verb, common_options, current
from glowplug.cli.config import file_option, load_file, path_of


@click.group("export", cls=Noun)
@common_options
def exporting() -> None:
    """Write the configuration for another gateway.

    \b
    Examples:
      glowplug export litellm
      glowplug export litellm -o config.yaml
    """


@exporting.command("litellm", cls=Verb)
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to this file, which must not be there yet; else to standard output.",
)
@file_option
@common_options
def export_litellm(target: Path | None, file: Path | None) -> None:
    """Write the configuration as a config.yaml that LiteLLM accepts.

    No secret is written: each is a variable of LiteLLM's environment.  What LiteLLM has no word for is a comment.

    \b
    Examples:
      glowplug export litellm > config.yaml
      glowplug export litellm -o config.yaml --config ./glowplug.yaml
    """
    from glowplug.config.lines import MAX_BYTES
    from glowplug.config.readers.plain import read_plain
    from glowplug.config.rewrite import create, read_text
    from glowplug.config.writers.litellm import export
    from glowplug.providers.catalogue import PROVIDERS

    session = current()
    found = path_of(session, file)
    load_file(found)  # says what is wrong with it, line by line
    document = read_plain(read_text(found, longest=MAX_BYTES), str(found)).values
    exported = export(document, providers=PROVIDERS)
    notes = [
        {"outcome": str(n.outcome), "where": n.where, "what": n.what, "why": n.why, "hint": n.hint}
        for n in exported.notes
    ]
    if target is not None:
        create(target, exported.text)
    output = session.output
    if output.as_json:
        output.document({"config": exported.text, "notes": notes, "file": str(target or "")})
    elif target is None:
        output.write(exported.text)
    else:
        output.line(f"wrote {target}, for LiteLLM")
    if notes and not output.as_json:
        output.note(f"{len(notes)} things are not as they were; comments at the top of the file say which")
