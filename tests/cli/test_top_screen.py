from __future__ import annotations

import os
import pty
import sys
import termios

import pytest

from glowplug.cli.top_screen import Terminal, framed, named


def test_keys_have_names() -> None:
    assert [named(key) for key in (b"\x1b[A", b"\x1bOB", b"j", b"l", b"", b"\x1b", "é".encode())] == [
        "up", "down", "down", "l", "q", "q", "é",
    ]  # fmt: skip


def test_a_picture_covers_the_one_before() -> None:
    assert framed(["a", "b"]) == "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J"


def test_the_terminal_is_as_it_was_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = pty.openpty()
    with os.fdopen(os.dup(inner), "r") as stdin, os.fdopen(os.dup(inner), "w") as stdout:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", stdout)
        before = termios.tcgetattr(inner)
        with pytest.raises(ZeroDivisionError), Terminal() as terminal:
            assert termios.tcgetattr(inner)[3] != before[3]
            termios.tcsetwinsize(inner, (24, 100))
            assert terminal.size() == (100, 24)
            terminal.paint(["hello"])
            os.write(outer, b"\x1b[B")
            assert terminal.key(5.0) == "down"
            assert terminal.key(0.0) == ""
            1 / 0  # noqa: B018 - anything that fails
        assert termios.tcgetattr(inner) == before
        shown = os.read(outer, 4096).decode()
        assert shown.startswith("\x1b[?1049h") and "hello" in shown and shown.endswith("\x1b[?1049l")
    os.close(outer)
    os.close(inner)
