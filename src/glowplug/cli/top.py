"""`glowplug top`: what is loaded and what it does, live in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING

import click

from glowplug.cli import top_facts
from glowplug.cli.command import Verb, common_options, current
from glowplug.cli.top_picture import View, picture
from glowplug.errors import GlowplugError

if TYPE_CHECKING:
    from glowplug.cli.client import Client, Row
    from glowplug.cli.top_facts import Facts
    from glowplug.cli.top_screen import Screen

_PAPER = 100
"""Columns where nobody says how many there are."""
_ACTS: dict[str, Callable[[Client, str], str]] = {"l": top_facts.load, "u": top_facts.unload, "p": top_facts.keep}


@click.command("top", cls=Verb)
@click.option("--once", is_flag=True, help="Print it once and end; so does --json, and so does a pipe.")
@click.option("--every", type=click.FloatRange(0.2, 60.0), default=1.0, show_default=True, metavar="SECONDS",
              help="How often it looks.")  # fmt: skip
@common_options
def top(once: bool, every: float) -> None:
    """Watch the engines: states, memory of each device, requests, what today cost, and what the doctor found.

    The arrows choose a model; l loads it, u unloads it when its answers have ended, p loads it and keeps it until a
    request says otherwise, d lets the doctor look again, q ends.  Nothing here is done by itself.

    \b
    Examples:
      glowplug top
      glowplug top --once
      glowplug top --json
    """
    session = current()
    client, output = session.client(), session.output
    if output.as_json:
        output.document(top_facts.facts(client).document(top_facts.findings(client)))
        return
    if once or not output.terminal or not sys.stdin.isatty():
        view = View(findings=top_facts.findings(client))
        for line in picture(top_facts.facts(client), view, output.width or _PAPER, color=output.color):
            output.line(line)
        return
    from glowplug.cli.top_screen import Terminal

    first = top_facts.facts(client)  # what is wrong is said before the screen is taken
    with Terminal() as terminal:
        Watch(client, terminal, first, color=output.color).run(every)


class Watch:
    """The live picture.  What takes long (the doctor, unloading) runs beside it, and says so when it has ended."""

    def __init__(
        self,
        client: Client,
        screen: Screen,
        first: Facts,
        *,
        color: bool = False,
        beside: Callable[[Callable[[], None]], None] | None = None,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._screen = screen
        self._facts = first
        self._color = color
        self._beside = beside or _thread
        self._now = now
        self._news: SimpleQueue[tuple[str, list[Row] | None]] = SimpleQueue()
        self._view = View()

    def run(self, every: float) -> None:
        """Until `q`."""
        self._look_for_faults()
        while True:
            self._hear()
            self._paint()
            due = self._now() + every
            while (left := due - self._now()) > 0:
                pressed = self._screen.key(left)
                if pressed == "q":
                    return
                if not pressed:
                    break
                self._pressed(pressed)
                self._paint()
            self._look()

    def _paint(self) -> None:
        columns, lines = self._screen.size()
        self._screen.paint(picture(self._facts, self._view, columns, height=lines, color=self._color))

    def _look(self) -> None:
        try:
            self._facts = top_facts.facts(self._client)
        except GlowplugError as error:
            self._view = replace(self._view, message=error.message)
            return
        last = max(0, len(self._facts.instances) - 1)
        self._view = replace(self._view, chosen=min(self._view.chosen, last))

    def _pressed(self, key: str) -> None:
        rows = self._facts.instances
        if key in ("up", "down") and rows:
            step = 1 if key == "down" else -1
            self._view = replace(self._view, chosen=(self._view.chosen + step) % len(rows), message="")
        elif key == "d":
            self._look_for_faults()
        elif key in _ACTS and rows:
            model = str(rows[self._view.chosen].get("model"))
            self._view = replace(self._view, message=f"{model} …")
            self._beside(lambda: self._act(_ACTS[key], model))

    def _look_for_faults(self) -> None:
        if not self._view.looking:
            self._view = replace(self._view, looking=True)
            self._beside(self._examine)

    # ---- beside the picture

    def _act(self, act: Callable[[Client, str], str], model: str) -> None:
        try:
            self._news.put((act(self._client, model), None))
        except GlowplugError as error:
            self._news.put((f"{model}: {error.message}", None))

    def _examine(self) -> None:
        try:
            found = top_facts.findings(self._client)
            self._news.put(("" if found is not None else "the doctor may not be asked with this key", found or []))
        except GlowplugError as error:
            self._news.put((f"the doctor could not look: {error.message}", []))

    def _hear(self) -> None:
        while True:
            try:
                message, found = self._news.get_nowait()
            except Empty:
                return
            if found is not None:
                self._view = replace(self._view, findings=found, looking=False)
            if message:
                self._view = replace(self._view, message=message)


def _thread(work: Callable[[], None]) -> None:
    Thread(target=work, daemon=True).start()
