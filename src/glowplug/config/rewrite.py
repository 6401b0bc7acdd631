"""Writes an edited configuration file: only a text that loads, whole or not at all, with a copy of what was there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from glowplug.errors import ConfigError, Conflict

_PRIVATE = 0o600
"""Of a new file: keys may be written into it."""


def read_text(path: Path, *, longest: int) -> str:
    """The text of a configuration file; empty when there is none.  Raises ConfigError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ConfigError(f"{path} is not a regular file", hint="give the path of a YAML file")
            data = file.read(longest + 1)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"{path} cannot be read: {reason}", hint="check the path and its permissions") from None
    if len(data) > longest:
        raise ConfigError(f"{path} is longer than {longest} bytes", hint="give the path of a configuration file")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", hint="give the path of a YAML file") from None


def rewrite(
    path: Path, before: str, after: str, what: str, now: float, check: Callable[[bytes], object]
) -> Path | None:
    """Write `after` where `before` is, and return the path of the copy of `before`; None when there was no file.

    `what` and `now` (unix time) name the copy: `config.yaml.before-import-20260131T120000Z`.  `check` raises
    ConfigError for a text that does not load; then, and when the file is no longer `before` (Conflict), nothing is
    written.  A link is followed, mode and owner of the file stay.  Blocking.
    """
    data = after.encode()
    check(data)
    real, info = _unchanged(path, before.encode())
    mode = stat.S_IMODE(info.st_mode) if info else _PRIVATE
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        copy = _copy(real, before.encode(), what, now, mode) if info else None
        _replace(real, data, mode, info)
    except OSError as error:
        raise _failed(path, error) from None
    return copy


def swap(path: Path, before: bytes | None, after: bytes | None) -> None:
    """Write `after` where `before` is, whole or not at all; None stands for no file.

    A link is followed, mode and owner of the file stay.  Raises Conflict when the file is no longer `before`,
    ConfigError when it cannot be written.  Blocking.
    """
    real, info = _unchanged(path, before)
    try:
        if after is None:
            real.unlink(missing_ok=True)
        else:
            _replace(real, after, stat.S_IMODE(info.st_mode) if info else _PRIVATE, info)
    except OSError as error:
        raise _failed(path, error) from None


def _unchanged(path: Path, before: bytes | None) -> tuple[Path, os.stat_result | None]:
    """The file itself and what the system says of it.  Raises Conflict when it is not `before`."""
    real = Path(os.path.realpath(path))
    info, found = None, b""
    try:
        info, found = real.stat(), real.read_bytes()
    except FileNotFoundError:
        info = None
    except OSError as error:
        raise _failed(path, error) from None
    if found != (before or b""):
        raise Conflict(f"{path} was changed in the meantime", hint="do it again")
    return real, info


def _replace(real: Path, data: bytes, mode: int, info: os.stat_result | None) -> None:
    new = _written(real.with_name(f".{real.name}.{os.getpid()}.new"), data, mode)
    try:
        if info and (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
            os.chown(new, info.st_uid, info.st_gid)
        new.replace(real)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def _copy(real: Path, data: bytes, what: str, now: float, mode: int) -> Path:
    name = f"{real.name}.before-{what}-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        try:
            return _written(real.with_name(name if number == 1 else f"{name}-{number}"), data, mode)
        except FileExistsError:
            continue
    raise Conflict(f"there are a thousand copies of {real.name} from this second", hint="wait a moment")


def _written(path: Path, data: bytes, mode: int) -> Path:
    """A new file with these bytes on the disk; none when that fails."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.chmod(mode)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _failed(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {error.strerror}", hint="check its directory, owner and disk")


def create(path: Path, text: str) -> None:
    """Write a new file.  Raises Conflict when there is one, ConfigError when it cannot be written."""
    try:
        _written(path, text.encode(), _PRIVATE)
    except FileExistsError:
        raise Conflict(f"{path} is there already", hint="name another file, or move that one away") from None
    except OSError as error:
        raise _failed(path, error) from None
