"""Reading the devices without ever waiting long for a driver that hangs."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from enum import Enum, auto
from typing import Protocol

import msgspec

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Reading

log = logging.getLogger(__name__)

PATIENCE = 0.25
"""Seconds a reading may take; a healthy one takes a millisecond."""

FIRST_PATIENCE = 5.0
"""The first reading loads drivers, and there is nothing yet that could stand in for it."""


class _Question(Enum):
    READ = auto()
    ENERGY = auto()
    CLOSE = auto()


class Readable(Protocol):
    def read(self) -> Reading: ...
    def energy(self) -> tuple[EnergyReading, ...]: ...
    def close(self) -> None: ...


class Patient:
    """Asks in a thread of its own and waits for `patience` seconds at most; a driver that hangs costs that much and the
    last reading stands, with a problem that says so.  The thread is a daemon: it cannot keep the process from ending.
    """

    def __init__(self, machine: Readable, patience: float = PATIENCE) -> None:
        self._machine = machine
        self._patience = patience
        self._last = Reading(devices=())
        self._asked: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Reading] = queue.SimpleQueue()
        self._drawn: queue.SimpleQueue[tuple[EnergyReading, ...]] = queue.SimpleQueue()
        self._owed = False
        """An answer about energy is under way."""
        self._thread: threading.Thread | None = None
        self._pending = False
        self._late = False
        """It was said that the driver hangs."""

    def read(self) -> Reading:
        """All devices now, or as they were when the driver answered last."""
        if self._pending:
            # What it was asked then may be answered by now, but that is how things were then.
            with suppress(queue.Empty):
                self._keep(self._answers.get_nowait())
        if not self._pending:
            self._ask(_Question.READ)
            self._pending = True
        patience = self._patience if self._last.devices else FIRST_PATIENCE
        try:
            self._keep(self._answers.get(timeout=patience))
        except queue.Empty:
            problem = f"the driver has not answered for {patience:g} s; this is what it said before"
            if not self._late:
                log.warning("%s", problem)
            self._late = True
            return msgspec.structs.replace(self._last, problems=(*self._last.problems, problem))
        self._late = False
        return self._last

    def _keep(self, answer: Reading) -> None:
        self._last, self._pending = answer, False

    def close(self) -> None:
        """Let go of the drivers, once the reading under way has ended."""
        self._ask(_Question.CLOSE)

    def energy(self) -> tuple[EnergyReading, ...]:
        """What the devices draw now; nothing while the driver hangs, for what it says later is not about now."""
        if self._owed:
            with suppress(queue.Empty):
                self._drawn.get_nowait()
                self._owed = False
        if self._pending or self._owed:
            return ()
        self._ask(_Question.ENERGY)
        try:
            return self._drawn.get(timeout=self._patience)
        except queue.Empty:
            self._owed = True
            return ()

    def _ask(self, question: _Question) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="hardware", daemon=True)
            self._thread.start()
        self._asked.put(question)

    def _serve(self) -> None:
        while True:
            question = self._asked.get()
            if question is _Question.READ:
                self._answers.put(self._machine.read())
            elif question is _Question.ENERGY:
                self._drawn.put(self._machine.energy())
            else:
                self._machine.close()
