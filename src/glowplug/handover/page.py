"""The page: Markdown made of facts, without a secret in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from glowplug.domain.finding import Examination, Severity
from glowplug.logs import redact

TITLE = "# Handover of Glowplug"
_SHORTEST_SECRET = 6
"""Characters.  What is shorter would blacken words, and protects nothing."""


class ModelFact(msgspec.Struct, frozen=True, kw_only=True):
    """One model."""

    name: str
    local: bool
    where: str
    """Its engine, or its provider and host."""
    does: str
    """What it can be asked for."""
    state: str = ""
    """As the running server says, or why it cannot be used."""


class AliasFact(msgspec.Struct, frozen=True, kw_only=True):
    """A name that clients use, and who answers."""

    name: str
    targets: tuple[str, ...]
    fallback: tuple[str, ...] = ()
    cold: str = ""
    deprecated: bool = False


class UnitFact(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of systemd."""

    unit: str
    file: str
    enabled: str = ""
    active: str = ""
    system: bool = False
    """Of the system's manager, not the user's."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known.  Times in Unix seconds."""

    at: float
    host: str
    version: str
    state: str
    """The state directory."""
    config: str
    """The configuration file, or empty for none."""
    base_url: str
    """Of the running server, or where one would listen."""
    running: bool
    database: str
    """In words, without its password."""
    problems: tuple[str, ...] = ()
    """What could not be found out, or is wrong with the configuration."""
    models: tuple[ModelFact, ...] = ()
    aliases: tuple[AliasFact, ...] = ()
    units: tuple[UnitFact, ...] = ()
    examination: Examination | None = None


def cleaner(secrets: Iterable[str]) -> Callable[[Any], Any]:
    """What takes these values, and whatever looks like a credential, out of texts and of what is made of texts."""
    known = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret in known:
                value = value.replace(secret, "***")
            return redact(value)
        if isinstance(value, dict):
            return {name: clean(one) for name, one in value.items()}
        return [clean(one) for one in value] if isinstance(value, (list, tuple)) else value

    return clean


def page(facts: Facts) -> str:
    """The page.  Clean it before anybody reads it."""
    parts = [
        _head(facts),
        _models(facts),
        _aliases(facts),
        _running(facts),
        _using(facts),
        _keeping(facts),
        _open(facts),
    ]
    return "\n".join(parts)


def _head(facts: Facts) -> str:
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(facts.at))
    rows = [
        ["Server", f"{facts.base_url} ({'runs' if facts.running else 'does not run now'})"],
        ["Configuration", facts.config or "none: the defaults"],
        ["State (database, keys, logs)", facts.state],
        ["Database", facts.database],
    ]
    return (
        f"{TITLE}\n\nWritten on {facts.host}, {made}, by `glowplug handover` {facts.version}. No secret is in it.\n\n"
        + ("## What runs where\n\n" + _table(("what", "where"), rows))
    )


def _models(facts: Facts) -> str:
    rows = [
        [_code(m.name), m.where, m.does, m.state] for m in sorted(facts.models, key=lambda m: (not m.local, m.name))
    ]
    return "## Models\n\n" + (_table(("name", "where", "does", "state"), rows) if rows else "None is configured.\n")


def _aliases(facts: Facts) -> str:
    rows = [
        [
            _code(alias.name) + (" (deprecated)" if alias.deprecated else ""),
            ", then ".join(map(_code, alias.targets)),
            ", then ".join(map(_code, alias.fallback)),
            alias.cold,
        ]
        for alias in facts.aliases
    ]
    heads = ("clients say", "who answers", "when none of them can", "while the first is cold")
    return "## Names that clients use, and who answers instead\n\n" + (_table(heads, rows) if rows else "None.\n")


def _running(facts: Facts) -> str:
    there = [unit for unit in facts.units if unit.file != "missing"]
    served = f" --config {facts.config}" if facts.config else ""
    state = f" --state-dir {facts.state}"
    by_hand = f"```sh\nglowplug up{served}{state}      # until Ctrl-C\nglowplug ps{state}      # what is loaded\n```\n"
    if not there:
        return (
            f"## Start and stop\n\nBy hand; no unit of systemd is installed (`glowplug systemd install`).\n\n{by_hand}"
        )
    name = there[0].unit.partition(".")[0]
    user = "" if there[0].system else " --user"
    rows = [[_code(unit.unit), unit.file, unit.enabled, unit.active] for unit in there]
    return (
        f"## Start and stop\n\n```sh\nsystemctl{user} start {name}.service    # the first request does that too\n"
        f"systemctl{user} stop {name}.socket {name}.service\njournalctl{user} -u {name}\n```\n\n"
        + _table(("unit", "file", "enabled", "active"), rows)
    )


def _using(facts: Facts) -> str:
    local = next((m.name for m in facts.models if m.local), "")
    cloud = next((m.name for m in facts.models if not m.local), "")
    state = f" --state-dir {facts.state}"
    lines = [
        "## Verify", "", "```sh",
        f"glowplug smoke{state}     # every model of this machine, through the public port",
        f"glowplug doctor{state}    # what is known to rot", "```", "", "## Use local, use cloud", "",
        "A key comes from `glowplug keys create NAME`, and is shown once.", "", "```sh",
        f"export OPENAI_BASE_URL={facts.base_url}/v1", "export OPENAI_API_KEY=...", "```", "",
    ]  # fmt: skip
    lines.append(f"- Local: name a model of this machine{f', {_code(local)}' if local else ' (there is none)'}.")
    lines.append(
        f"- Cloud: name a model of a provider{f', {_code(cloud)}' if cloud else ' (there is none)'}; it costs money."
    )
    lines.append("- Either: name an alias. `glowplug route NAME` says who would answer, and why.")
    lines.append("- Without one of them, once: the header `x-glowplug-skip: MODEL`.")
    return "\n".join(lines) + "\n"


def _keeping(facts: Facts) -> str:
    state = f" --state-dir {facts.state}"
    timer = next(
        (unit for unit in facts.units if unit.unit.endswith("-backup.timer") and unit.active == "active"), None
    )
    said = f"{_code(timer.unit)} makes one every night." if timer else "Nothing makes one by itself."
    return (
        f"## Back up and restore\n\n{said} A backup can open the sealed secrets: keep it as you keep keys.\n"
        f"The configuration file is not in it.\n\n```sh\nglowplug backup{state} FILE     # while it runs\n"
        f"glowplug restore{state} FILE    # while it does not\n```\n"
    )


def _open(facts: Facts) -> str:
    lines = ["## What is open", ""]
    lines += [f"- {_line(problem)}" for problem in facts.problems]
    found = facts.examination
    order = list(Severity)
    for finding in sorted(found.findings, key=lambda f: order.index(f.severity)) if found is not None else ():
        lines.append(
            f"- **{finding.severity.value}** {_line(f'{finding.subject} {finding.summary}')} (`{finding.check}`)"
        )
        lines += [f"  - {_line(more)}" for more in (finding.consequence, finding.advice) if more]
    for looked in found.checks if found is not None else ():
        if looked.could_not:
            lines.append(f"- `{looked.check}` could not look: {_line(looked.could_not)}")
    if len(lines) == 2:
        lines.append("Nothing was found.")
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(_line(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _code(name: str) -> str:
    return f"`{name}`"


def _line(text: str) -> str:
    return " ".join(text.split())
