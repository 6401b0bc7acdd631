"""Files of weights: how they are opened, and what can be wrong with them, whatever their format."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

AGAIN = "download it again"


class Trouble(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    """It, or one of its parts, is not there."""
    UNREADABLE = "unreadable"
    """It may not be read, or is no file."""
    WRONG_FORMAT = "wrong_format"
    UNSUPPORTED = "unsupported"
    """The right format, in a version, byte order or number format that is not read here."""
    TRUNCATED = "truncated"
    BROKEN = "broken"
    """It contradicts itself or passes a limit."""


class WeightsError(Exception):
    """The one error of reading headers of weights: `message` says what is wrong with which file, `hint` what to do."""

    def __init__(self, trouble: Trouble, message: str, hint: str) -> None:
        super().__init__(f"{message} ({hint})")
        self.trouble = trouble
        self.message = message
        self.hint = hint


@contextmanager
def opened(name: str, kind: str) -> Iterator[tuple[int, int]]:
    """(descriptor, size in bytes) of a regular file; `kind` is what should be there (`.gguf`).  Raises WeightsError."""
    try:
        # Non-blocking, for opening a pipe would wait for its writer.
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        raise WeightsError(
            Trouble.MISSING, f"{name} does not exist", "correct the path or put the file there"
        ) from None
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise WeightsError(
            Trouble.UNREADABLE, f"{name} cannot be read: {why}", "correct the file's permissions"
        ) from exc
    try:
        info = os.fstat(descriptor)
        if stat.S_ISDIR(info.st_mode):
            raise WeightsError(Trouble.UNREADABLE, f"{name} is a folder", f"name the {kind} file in it")
        if not stat.S_ISREG(info.st_mode):
            raise WeightsError(Trouble.UNREADABLE, f"{name} is not a regular file", f"name a {kind} file")
        yield descriptor, info.st_size
    finally:
        os.close(descriptor)
