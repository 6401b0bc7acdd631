"""Values from outside the file: `${VARIABLE}`, `${VARIABLE:-default}`, and `file:/path` or `secret:NAME` for secrets.

`$${` writes a plain `${`; any other `$` stands for itself.  A value that cannot be had is not an exception here: the
caller decides whether it stops everything (`server:`) or only the models that need it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glowplug.secret import Secret

SecretSource = Callable[[str], Secret | str]
"""A name in `secret:NAME` → its value, or why it cannot be had, as a sentence without its end."""

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-)([^}]*))?\}|\$\{")
_LONE_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
MAX_SECRET = 65_536


@dataclass(frozen=True)
class Expanded:
    """A string after its references were filled in."""

    text: str
    variables: tuple[str, ...] = ()
    """Variables it names, in order."""
    missing: str = ""
    """Why it could not be had, as a sentence without its end; empty when it could."""
    malformed: str = ""
    """What is wrong with the way it is written; empty when nothing is."""

    def __repr__(self) -> str:
        return f"Expanded(variables={self.variables!r})"


def expand(raw: str, env: Mapping[str, str]) -> Expanded:
    """`raw` with its references filled in from `env`.  As in a shell, `:-` also replaces an empty value."""
    variables: list[str] = []
    missing: list[str] = []
    malformed = ""

    def fill(match: re.Match[str]) -> str:
        nonlocal malformed
        name, has_default, default = match.groups()
        if name is None:
            if match.group() == "${":
                malformed = "${ begins a reference that is not one"
            return "${"
        variables.append(name)
        value = env.get(name)
        if has_default:
            return value or default
        if value is None:
            missing.append(f"environment variable {name} is not set")
            return ""
        return value

    text = _REFERENCE.sub(fill, raw)
    return Expanded(text, tuple(variables), " and ".join(dict.fromkeys(missing)), malformed)


def harmless(raw: str) -> bool:
    """A secret as written may be shown: it only says where the value is."""
    return bool(_LONE_REFERENCE.fullmatch(raw)) or (raw.startswith(("file:", "secret:")) and "${" not in raw)


@dataclass(frozen=True)
class SecretFile:
    """What a `file:` reference gave."""

    path: Path
    text: str = ""
    missing: str = ""
    warning: str = ""

    def __repr__(self) -> str:
        return f"SecretFile({self.path!s})"


def read_secret(name: str, base: Path, home: str) -> SecretFile:
    """The secret in the file `name` (after `file:`), without the line ends at its end.

    Relative to `base`.  Only regular files up to 64 KiB: a pipe or device would block or never end.
    """
    path = absolute(name, base, home)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name has a zero byte in it"
        return SecretFile(path, missing=f"secret file {path} cannot be read: {reason}")
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            return SecretFile(path, missing=f"secret file {path} is not a regular file")
        data = os.read(handle, MAX_SECRET + 1)
    except OSError as error:
        return SecretFile(path, missing=f"secret file {path} cannot be read: {error.strerror}")
    finally:
        os.close(handle)
    if len(data) > MAX_SECRET:
        return SecretFile(path, missing=f"secret file {path} is longer than {MAX_SECRET} bytes")
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return SecretFile(path, missing=f"secret file {path} is not text")
    if not text:
        return SecretFile(path, missing=f"secret file {path} is empty")
    mode = stat.S_IMODE(info.st_mode)
    warning = f"secret file {path} can be read by others (mode {mode:04o})" if mode & 0o044 else ""
    return SecretFile(path, text, warning=warning)


def absolute(name: str, base: Path, home: str) -> Path:
    """`name` as an absolute path: `~` is `home`, anything relative is below `base`.  Does not follow links."""
    if name == "~" or name.startswith("~/"):
        name = home + name[1:]
    return Path(os.path.normpath(base / name))
