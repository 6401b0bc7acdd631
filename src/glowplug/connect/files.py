"""Settings files of other programs: what an edit would make of one, writing it, bringing back what was there.

Beside a file `NAME` that is written stand `NAME.glowplug-backup`, what it was to the byte, and
`NAME.glowplug-undo.json`: whether it was there at all, its mode, and what was written.  Both go when it is brought
back.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from glowplug.connect.base import Edit
from glowplug.connect.merge import apply
from glowplug.errors import Conflict, StoreError

_PRIVATE = 0o600
_USUAL = 0o644
_MOST = 8 << 20


class Undo(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to bring a file back."""

    existed: bool
    mode: int
    written: str
    """SHA-256 of what was written."""
    touched: bool = False
    """Somebody else changed the file between two writes."""


@dataclass(frozen=True)
class Change:
    """What an edit makes of a file."""

    path: Path
    before: bytes | None
    """None: it is not there."""
    after: bytes
    mode: int
    """The mode it has afterwards."""
    loose: bool
    """Others could read it, and it has a key in it."""

    @property
    def needed(self) -> bool:
        return self.before != self.after or self.loose


def change(edit: Edit) -> Change:
    """What an edit would do.  Raises Conflict for a file that cannot be read or edited."""
    path = Path(os.path.realpath(edit.path))  # dotfiles are often links into a repository
    before, mode = _read(path)
    try:
        text = "" if before is None else before.decode()
    except UnicodeDecodeError:
        raise Conflict(f"{path} is not UTF-8", hint="put in by hand what this command prints") from None
    after = apply(text, edit).encode()
    loose = edit.secret and before is not None and bool(mode & 0o077)
    return Change(path, before, after, _PRIVATE if edit.secret else mode, loose)


def write(one: Change) -> None:
    """Carry it out, whole or not at all; what was there is kept beside it once.  Raises StoreError."""
    if not one.needed:
        return
    try:
        one.path.parent.mkdir(parents=True, exist_ok=True)
        undo = _undo(one.path)
        if undo is None:
            mode = _USUAL if one.before is None else stat.S_IMODE(one.path.stat().st_mode)
            if one.before is not None:
                _replace(_backup(one.path), one.before, _PRIVATE)
            undo = Undo(existed=one.before is not None, mode=mode, written="")
        elif undo.written != _digest(one.before):
            undo = msgspec.structs.replace(undo, touched=True)
        undo = msgspec.structs.replace(undo, written=_digest(one.after))
        _replace(_record(one.path), msgspec.json.encode(undo), _PRIVATE)
        _replace(one.path, one.after, one.mode)
    except OSError as error:
        raise StoreError(f"{one.path} cannot be written: {error.strerror}", hint="check its directory") from None


def restore(path: Path, *, force: bool = False) -> bool:
    """Bring back what was there before the first write; whether there was anything to bring back.

    Raises Conflict when somebody else has changed the file since and `force` does not say that this may be lost.
    """
    path = Path(os.path.realpath(path))
    try:
        undo = _undo(path)
        if undo is None:
            return False
        now, _ = _read(path)
        before = _backup(path).read_bytes() if undo.existed else None
        if not force and now != before and (undo.touched or undo.written != _digest(now)):
            raise Conflict(
                f"{path} was changed by somebody else since, and that would be lost",
                hint=f"compare it with {_backup(path).name}, or say --force"
                if undo.existed
                else "say --force to remove it",
            )
        if before is None:
            path.unlink(missing_ok=True)
        else:
            _replace(path, before, undo.mode)
            _backup(path).unlink()
        _record(path).unlink()
    except OSError as error:
        raise StoreError(f"{path} cannot be brought back: {error.strerror}", hint="check its directory") from None
    return True


def written(path: Path) -> bool:
    """Whether there is something to bring back."""
    return _record(Path(os.path.realpath(path))).exists()


def _read(path: Path) -> tuple[bytes | None, int]:
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or about.st_size > _MOST:
                raise Conflict(f"{path} is no settings file", hint="look what it is")
            return file.read(), stat.S_IMODE(about.st_mode)
    except FileNotFoundError:
        return None, _USUAL
    except OSError as error:
        raise Conflict(f"{path} cannot be read: {error.strerror}", hint="check who may read it") from None


def _undo(path: Path) -> Undo | None:
    try:
        return msgspec.json.decode(_record(path).read_bytes(), type=Undo)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise StoreError(
            f"{_record(path)} is damaged",
            hint=f"bring {path.name} back from {_backup(path).name} by hand, and remove it",
        ) from None


def _backup(path: Path) -> Path:
    return path.with_name(path.name + ".glowplug-backup")


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".glowplug-undo.json")


def _digest(data: bytes | None) -> str:
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _replace(path: Path, data: bytes, mode: int) -> None:
    new = path.with_name(path.name + ".glowplug-new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.chmod(mode)
    new.replace(path)
