"""`glowplug stop`: give a model's memory back now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option, optional_local_model

if TYPE_CHECKING:
    from glowplug.cli.client import Client

_OFF = ("stopped", "failed")


@click.command("stop", cls=Verb)
@optional_local_model
@click.option("--all", "everything", is_flag=True, help="Stop every engine.")
@click.option("--force", is_flag=True, help="Do not wait for running responses to end.")
@dry_run_option
@common_options
def stop(model: str | None, everything: bool, force: bool, dry_run: bool) -> None:
    """Unload a model: admit nothing new, let running responses end, stop the engine.

    The next request loads it again.

    \b
    Examples:
      glowplug stop chat-hermes-llamacpp
      glowplug stop chat-hermes-llamacpp --force
      glowplug stop --all --dry-run
    """
    if (model is None) == (not everything):
        raise click.UsageError("name one MODEL, or stop them all with --all", click.get_current_context())
    session = current()
    client, output = session.client(), session.output
    named = [model] if model is not None else _loaded(client)
    views = []
    for name in named:
        output.progress(f"stopping {name}")
        view = _stop(client, name, force=force, dry_run=dry_run)
        views.append(view)
        if not output.as_json:
            output.line(_summary(name, view, dry_run=dry_run))
    if output.as_json:
        output.document(views[0] if model is not None else {"data": views})
    elif not named:
        output.note("no model is loaded, so there is nothing to stop")


def _loaded(client: Client) -> list[str]:
    return [str(row["model"]) for row in client.rows("/admin/instances") if row.get("state") not in _OFF]


def _stop(client: Client, name: str, *, force: bool, dry_run: bool) -> dict[str, Any]:
    from glowplug.cli.client import segment

    query = {flag: "1" for flag, wanted in (("force", force), ("dry_run", dry_run)) if wanted}
    answer = client.call("POST", f"/admin/models/{segment(name)}/stop", query=query, silence=900.0)
    return dict(answer)


def _summary(name: str, view: dict[str, Any], *, dry_run: bool) -> str:
    state = view.get("state", "unknown")
    return f"would stop {name} (now {state})" if dry_run else f"{name} is {state}"
