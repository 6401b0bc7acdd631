"""`glowplug logs`: what an engine wrote."""

from __future__ import annotations

from codecs import getincrementaldecoder

import click

from glowplug.cli.command import Verb, common_options, current, local_model


@click.command("logs", cls=Verb)
@local_model
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Begin with the last N."
)
@common_options
def logs(model: str, follow: bool, lines: int) -> None:
    """Show the last lines an engine wrote, also those of a start that failed.

    \b
    Examples:
      glowplug logs chat-hermes-llamacpp
      glowplug logs -f -n 20 chat-hermes-llamacpp
    """
    from urllib.parse import urlencode

    from glowplug.cli.client import refusal, segment

    session = current()
    output = session.output
    if follow and output.as_json:
        raise click.UsageError("--follow never ends, so it has no JSON document", click.get_current_context())
    client = session.client()
    query = {"lines": str(lines)} | ({"follow": "1"} if follow else {})
    target = f"/admin/models/{segment(model)}/logs?{urlencode(query)}"
    response = client.open("GET", target, silence=None if follow else 60.0)
    if response.status != 200:
        raise refusal(response.status, response.headers, response.read(), client.address.base)
    if output.as_json:
        output.document({"model": model, "lines": response.read().decode("utf-8", "replace").splitlines()})
        return
    decoder = getincrementaldecoder("utf-8")("replace")
    wrote = False
    for chunk in response.chunks():
        text = decoder.decode(chunk)
        output.write(text)
        wrote = wrote or bool(text)
    if not wrote:
        output.note(f"{model} has written nothing; its engine writes when it starts: glowplug start {model}")
