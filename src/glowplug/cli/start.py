"""`glowplug start`: load a model before somebody asks for it."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import click

from glowplug.cli.command import Verb, common_options, current, dry_run_option, local_model
from glowplug.cli.ps import stage
from glowplug.errors import GlowplugError

if TYPE_CHECKING:
    from glowplug.cli.client import Client
    from glowplug.cli.output import Output

_EVERY = 0.25
_LONGEST = 86_400.0


@click.command("start", cls=Verb)
@local_model
@click.option("--no-wait", is_flag=True, help="Do not wait until it is ready.")
@click.option("--timeout", default="10m", show_default=True, metavar="TIME", help="Wait this long at most.")
@dry_run_option
@common_options
def start(model: str, no_wait: bool, timeout: str, dry_run: bool) -> int:
    """Load a model now and wait until it is ready.

    \b
    Examples:
      glowplug start chat-hermes-llamacpp
      glowplug start chat-hermes-llamacpp --no-wait
      glowplug start chat-hermes-llamacpp --timeout 2m --json
    """
    session = current()
    seconds = 0.0 if no_wait else min(duration(timeout, "--timeout"), _LONGEST)
    client, output = session.client(), session.output
    query = {"wait": f"{seconds:g}"}
    if dry_run:
        query["dry_run"] = "1"
    with _Watch(client, output, model, enabled=not (no_wait or dry_run)):
        from glowplug.cli.client import segment

        view = client.call("POST", f"/admin/models/{segment(model)}/start", query=query, silence=seconds + 30.0)
    if output.as_json:
        output.document(view)
    else:
        output.line(_summary(model, view, dry_run=dry_run))
    ready = view.get("state") in ("ready", "busy")
    if not ready and not no_wait and not dry_run:
        output.note(f"it is still on its way after {timeout}; watch it with: glowplug ps")
        return 1
    return 0


def duration(text: str, option: str) -> float:
    """Seconds (inf: for ever) from what somebody typed.  Raises a usage error that names the option."""
    from glowplug.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _summary(model: str, view: dict[str, Any], *, dry_run: bool) -> str:
    state = view.get("state", "unknown")
    if dry_run:
        return f"would start {model} (now {state})"
    took = view.get("load_seconds")
    return f"{model} is {state}" + (f" (loaded in {took:.1f} s)" if took is not None and state == "ready" else "")


class _Watch:
    """Shows on a terminal how far a start is, while the request that waits for it is open."""

    def __init__(self, client: Client, output: Output, model: str, *, enabled: bool) -> None:
        self._client = client
        self._output = output
        self._model = model
        self._over = Event()
        self._thread = Thread(target=self._show, daemon=True) if enabled and output.lively else None

    def __enter__(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(1.0)
        self._output.clear()

    def _show(self) -> None:
        while not self._over.wait(_EVERY):
            try:
                rows = self._client.rows("/admin/instances", within=2.0)
            except GlowplugError:
                continue  # the request in front says what is wrong
            for row in rows:
                if row.get("model") == self._model and not self._over.is_set():
                    why = f", {row['why']}" if row.get("why") else ""
                    self._output.progress(f"{self._model}: {stage(row)}{why}")
