"""A terminal for `glowplug top`: keys one at a time, pictures in the place of each other."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

_ENTER = "\x1b[?1049h\x1b[?25l"
"""The other screen, without a cursor (xterm's control sequences)."""
_LEAVE = "\x1b[?25h\x1b[?1049l"
_NAMES = {
    b"\x1b[A": "up",
    b"\x1b[B": "down",
    b"\x1bOA": "up",
    b"\x1bOB": "down",
    b"k": "up",
    b"j": "down",
    b"\x1b": "q",
}


class Screen(Protocol):
    """What `top` needs of a terminal."""

    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        ...

    def paint(self, lines: Sequence[str]) -> None:
        """Show these instead of what was there."""
        ...

    def key(self, patience: float) -> str:
        """The next key, `up` and `down` for the arrows; empty after so many seconds without one."""
        ...


class Terminal:
    """The terminal of this process.  It is as it was when the block ends, whatever happens in it."""

    def __init__(self) -> None:
        self._in, self._out = sys.stdin.fileno(), sys.stdout
        self._before: list[object] = []

    def __enter__(self) -> Terminal:
        self._before = termios.tcgetattr(self._in)
        tty.setcbreak(self._in)  # Ctrl-C stays a signal
        self._write(_ENTER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(_LEAVE)
        termios.tcsetattr(self._in, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]  # as it was given

    def size(self) -> tuple[int, int]:
        try:
            found = os.get_terminal_size(self._out.fileno())
        except OSError:
            return 80, 24
        return found.columns or 80, found.lines or 24

    def paint(self, lines: Sequence[str]) -> None:
        self._write(framed(lines))

    def key(self, patience: float) -> str:
        ready, _, _ = select.select([self._in], [], [], max(0.0, patience))
        return named(os.read(self._in, 32)) if ready else ""

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def framed(lines: Sequence[str]) -> str:
    """A picture over the one before: nothing flickers, and nothing of the old one stays."""
    return "\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J"


def named(pressed: bytes) -> str:
    """What a key is called; the end of the input is `q`."""
    if not pressed:
        return "q"
    return _NAMES.get(pressed) or pressed.decode("utf-8", "replace")
