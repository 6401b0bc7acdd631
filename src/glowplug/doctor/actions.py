"""What remedies are made of: single changes that know how to be done, done again, and undone byte for byte.

Each has in it what was there when it was planned.  Done where the work is done already it does nothing; done where
something else is there by now it refuses, because somebody has changed it since.  Undoing does the same the other way
round.
"""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path
from typing import Protocol

import msgspec

from glowplug.doctor.site import NoSuchProgram, Ran, Site
from glowplug.errors import Conflict

_SHOWN: int = 200
"""Lines of a diff that are shown."""
_COMMAND_S = 60.0


class Hands(Protocol):
    """How actions reach what they change."""

    site: Site

    def run(self, argv: tuple[str, ...], seconds: float) -> Ran:
        """Run a program that changes something.  Raises NoSuchProgram, TimeoutError."""


class Action(Protocol):
    """One change.  A tagged struct, so that it can be kept until it is undone."""

    def says(self) -> str:
        """What is done to what, as a sentence without a full stop."""

    def diff(self) -> str:
        """What changes, as `diff -u` writes it; empty where a sentence says it all."""

    def do(self, hands: Hands) -> bool:
        """Do it; False when it was done already.  Raises Conflict when something else is there, OSError."""

    def undo(self, hands: Hands) -> bool:
        """Put back what was there; False when it is there.  Raises Conflict when something else is there, OSError."""


def _changed(what: str) -> Conflict:
    return Conflict(f"{what} was changed by somebody else meanwhile", hint="look again, and decide anew")


class WriteFile(msgspec.Struct, frozen=True, kw_only=True, tag="write-file"):
    """Other bytes in a file, or a new file."""

    path: str
    before: bytes | None
    """None: there is none."""
    after: bytes
    mode: int = 0o600
    """Of a new file; one that is there keeps its mode and owner."""
    why: str = ""
    """For `says`, instead of `write PATH`."""
    secret: bool = False
    """What is in it is not shown."""

    def says(self) -> str:
        return self.why or f"write {self.path}"

    def diff(self) -> str:
        if self.secret:
            return ""
        old = (self.before or b"").decode(errors="replace").splitlines()
        new = self.after.decode(errors="replace").splitlines()
        lines = list(difflib.unified_diff(old, new, self.path, self.path, lineterm="", n=2))
        more = [f"… {len(lines) - _SHOWN} more lines"] if len(lines) > _SHOWN else []
        return "\n".join([*lines[:_SHOWN], *more])

    def do(self, hands: Hands) -> bool:
        return self._put(hands, self.before, self.after)

    def undo(self, hands: Hands) -> bool:
        return self._put(hands, self.after, self.before)

    def _put(self, hands: Hands, old: bytes | None, new: bytes | None) -> bool:
        file = hands.site.real(self.path)
        there = file.read_bytes() if file.exists() else None
        if there == new:
            return False
        if there != old:
            raise _changed(self.path)
        if new is None:
            file.unlink()
        else:
            _replace(file, new, self.mode)
        return True


def _replace(file: Path, data: bytes, mode: int) -> None:
    """Write a whole file or nothing; mode and owner stay."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.glowplug")
    new.unlink(missing_ok=True)
    old = file.stat() if file.exists() else None
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        new.chmod(mode if old is None else stat.S_IMODE(old.st_mode))
        if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(new, old.st_uid, old.st_gid)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


class MoveAside(msgspec.Struct, frozen=True, kw_only=True, tag="move-aside"):
    """A file out of the way, beside itself; nothing is deleted."""

    path: str
    to: str
    why: str = ""

    def says(self) -> str:
        return self.why or f"move {self.path} aside, to {self.to}"

    def diff(self) -> str:
        return ""

    def do(self, hands: Hands) -> bool:
        return self._move(hands, self.path, self.to)

    def undo(self, hands: Hands) -> bool:
        return self._move(hands, self.to, self.path)

    def _move(self, hands: Hands, source: str, target: str) -> bool:
        old, new = hands.site.real(source), hands.site.real(target)
        here, there = os.path.lexists(old), os.path.lexists(new)
        if there and not here:
            return False
        if there or not here:
            raise _changed(target if there else source)
        old.rename(new)
        return True


class SetMode(msgspec.Struct, frozen=True, kw_only=True, tag="set-mode"):
    """Who may read a file."""

    path: str
    before: int
    after: int

    def says(self) -> str:
        return f"set the mode of {self.path} from {self.before:04o} to {self.after:04o}"

    def diff(self) -> str:
        return ""

    def do(self, hands: Hands) -> bool:
        return self._set(hands, self.before, self.after)

    def undo(self, hands: Hands) -> bool:
        return self._set(hands, self.after, self.before)

    def _set(self, hands: Hands, old: int, new: int) -> bool:
        file = hands.site.real(self.path)
        there = stat.S_IMODE(file.stat().st_mode)
        if there == new:
            return False
        if there != old:
            raise _changed(self.path)
        file.chmod(new)
        return True


class RemoveLink(msgspec.Struct, frozen=True, kw_only=True, tag="remove-link"):
    """A symbolic link goes, what it points to stays: how a unit is disabled."""

    path: str
    target: str
    """As it stands in the link."""
    why: str = ""

    def says(self) -> str:
        return self.why or f"remove the link {self.path} to {self.target}"

    def diff(self) -> str:
        return ""

    def do(self, hands: Hands) -> bool:
        link = hands.site.real(self.path)
        if not os.path.lexists(link):
            return False
        if not link.is_symlink() or str(link.readlink()) != self.target:
            raise _changed(self.path)
        link.unlink()
        return True

    def undo(self, hands: Hands) -> bool:
        link = hands.site.real(self.path)
        if os.path.lexists(link):
            if link.is_symlink() and str(link.readlink()) == self.target:
                return False
            raise _changed(self.path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(self.target)
        return True


class Crontab(msgspec.Struct, frozen=True, kw_only=True, tag="crontab"):
    """Other lines in the user's crontab, which only the program `crontab` may write."""

    before: str
    after: str
    why: str

    def says(self) -> str:
        return self.why

    def diff(self) -> str:
        old, new = self.before.splitlines(), self.after.splitlines()
        return "\n".join(difflib.unified_diff(old, new, "crontab", "crontab", lineterm="", n=0))

    def do(self, hands: Hands) -> bool:
        return self._put(hands, self.before, self.after)

    def undo(self, hands: Hands) -> bool:
        return self._put(hands, self.after, self.before)

    def _put(self, hands: Hands, old: str, new: str) -> bool:
        there = hands.site.run(("crontab", "-l"), _COMMAND_S).out
        if there == new:
            return False
        if there != old:
            raise _changed("your crontab")
        folder = hands.site.real(hands.site.paths.repairs)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / "crontab.new"
        _replace(file, new.encode(), 0o600)
        try:
            ran = hands.run(("crontab", str(file)), _COMMAND_S)
        except NoSuchProgram:
            raise OSError("crontab is not installed") from None
        finally:
            file.unlink(missing_ok=True)
        if ran.code:
            raise OSError(f"crontab did not take it: {(ran.err or ran.out).strip() or ran.code}")
        return True


class Command(msgspec.Struct, frozen=True, kw_only=True, tag="command"):
    """A program that changes something, with the one that changes it back."""

    argv: tuple[str, ...]
    back: tuple[str, ...]
    probe: tuple[str, ...] = ()
    """Says how it stands; empty: nobody can say, and doing it again does no harm."""
    before: str = ""
    """What `probe` says before, without the white space around it."""
    after: str = ""
    why: str = ""
    may_fail: bool = False
    """It only tells somebody of what was done, who may not be there (`systemctl daemon-reload`)."""

    def says(self) -> str:
        return self.why or f"run `{' '.join(self.argv)}`"

    def diff(self) -> str:
        return ""

    def do(self, hands: Hands) -> bool:
        return self._run(hands, self.argv, self.before, self.after)

    def undo(self, hands: Hands) -> bool:
        return self._run(hands, self.back, self.after, self.before)

    def _run(self, hands: Hands, argv: tuple[str, ...], old: str, new: str) -> bool:
        if self.probe:
            there = hands.site.run(self.probe, _COMMAND_S).out.strip()
            if there == new:
                return False
            if there != old:
                raise _changed(f"what `{' '.join(self.probe)}` says")
        try:
            ran = hands.run(argv, _COMMAND_S)
        except NoSuchProgram:
            if self.may_fail:
                return False
            raise OSError(f"{argv[0]} is not installed") from None
        if ran.code and not self.may_fail:
            why = (ran.err or ran.out).strip().splitlines()[-1:] or [f"it ended with {ran.code}"]
            raise OSError(f"`{' '.join(argv)}` failed: {why[0]}")
        return bool(self.probe)
