"""Lines of crontabs that load a model at boot, and of rc.local."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from glowplug.doctor.actions import Action, Crontab, WriteFile
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt, Remedy
from glowplug.doctor.site import NoSuchProgram, Site
from glowplug.doctor.starters import RISK, Measure, Starter, finding, loaded_by
from glowplug.domain.finding import Finding, Group

_FILES: Final = ("/etc/crontab", "/etc/rc.local")
_FOLDERS: Final = ("/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
_ASK: Final = ("crontab", "-l")
_SECONDS: Final = 10.0
_NONE: Final = ("no crontab for", "can't open", "cannot open")
"""How the programs called crontab say that there is none."""


class BootCron(Check[tuple[Starter, ...]]):
    """A line that somebody wrote years ago, and that no list of services shows."""

    name = "machine-boot-cron"
    title = "No crontab loads a model at boot"
    group = Group.MACHINE

    def gather(self, site: Site) -> tuple[Starter, ...]:
        measure, seen = Measure(site), False
        found: list[Starter] = []
        files: list[bytes] = []
        for path in _paths(site):
            try:
                data = site.real(path).read_bytes()
            except PermissionError:
                if path in _FILES:
                    raise
                continue  # crontabs of others: only root sees them
            seen = True
            files.append(data)
            found += _lines(measure, path, data, _of_file(path, data))
        try:
            own = _own(site, files)
        except (CouldNotLook, OSError):
            if not found:
                raise
            own = ""  # what was found in files is told all the same
        if own:
            found += _lines(measure, "your crontab", own.encode(), _of_user(own))
        if not (seen or own):
            raise NothingToLookAt("there are no crontabs")
        return tuple(found)

    def inspect(self, facts: tuple[Starter, ...]) -> Sequence[Finding]:
        return [finding(self.name, one) for one in facts]

    def remedy(self, facts: tuple[Starter, ...]) -> Remedy | None:
        actions = [action for one in facts for action in one.actions]
        return Remedy(actions=actions, risk=RISK) if actions else None


def _paths(site: Site) -> Iterator[str]:
    yield from (path for path in _FILES if site.real(path).is_file())
    for folder in _FOLDERS:
        try:
            yield from [str(path) for path in site.glob(folder, "*") if site.real(path).is_file()]
        except PermissionError:
            continue  # those of others


def _own(site: Site, files: list[bytes]) -> str:
    """The crontab of this user; empty where there is none, or it was among these files.  Raises CouldNotLook."""
    try:
        ran = site.run(_ASK, _SECONDS)
    except NoSuchProgram:
        return ""
    if ran.code and not any(what in ran.err for what in _NONE):
        raise CouldNotLook(f"`{' '.join(_ASK)}` failed: {ran.err.strip() or ran.code}")
    # Cron puts lines of its own in front, which `crontab -l` leaves out.
    return "" if ran.code or any(file.endswith(ran.out.encode()) for file in files) else ran.out


def _lines(
    measure: Measure, subject: str, data: bytes, action: Callable[[list[int]], tuple[Action, ...]]
) -> Iterator[Starter]:
    lines = data.decode(errors="surrogateescape").splitlines()
    boot = [
        number
        for number, line in enumerate(lines)
        if line.startswith("@reboot") or (subject.endswith("rc.local") and not line.lstrip().startswith("#"))
    ]
    found = [(number, what) for number in boot if (what := loaded_by(measure.site, lines[number])) is not None]
    # All of a file at once: what is there was looked at as a whole, and is changed as a whole.
    actions = action([number for number, _ in found]) if found else ()
    for count, (number, what) in enumerate(found):
        evidence = lines[number].strip().encode(errors="replace").decode()
        advice = "" if actions else "Take the line out: `crontab -e`."
        yield measure.starter(
            f"{subject}:{number + 1}", evidence, what, () if count else actions, advice=advice
        )  # fmt: skip


def _of_file(path: str, data: bytes) -> Callable[[list[int]], tuple[Action, ...]]:
    def action(numbers: list[int]) -> tuple[Action, ...]:
        after = _commented(data.decode(errors="surrogateescape"), numbers).encode(errors="surrogateescape")
        return (WriteFile(path=path, before=data, after=after, why=f"comment out {_said(numbers)} of {path}"),)

    return action


def _of_user(text: str) -> Callable[[list[int]], tuple[Action, ...]]:
    def action(numbers: list[int]) -> tuple[Action, ...]:
        if "\ufffd" in text:
            return ()  # something that is no UTF-8 would not come back as it was
        why = f"comment out {_said(numbers)} of your crontab"
        return (Crontab(before=text, after=_commented(text, numbers), why=why),)

    return action


def _commented(text: str, numbers: list[int]) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(f"# {line}" if number in numbers else line for number, line in enumerate(lines))


def _said(numbers: list[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(str(number + 1) for number in numbers)}"
