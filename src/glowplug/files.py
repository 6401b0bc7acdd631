"""Files of an installation that only its user may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from glowplug.errors import StoreError


def write_private(path: Path, data: bytes) -> None:
    """Write a whole file with mode 0600, or nothing.  Raises StoreError."""
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}", hint="check its disk and directory") from None


def keep_private(path: Path) -> None:
    """Take away what others may do with a file."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o600)
