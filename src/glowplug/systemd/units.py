"""What the units say: texts made of a `Setup`, and how one of ours is told from one that was edited.

Formats: systemd.unit(5), systemd.service(5), systemd.socket(5), systemd.timer(5), systemd.exec(5).  Written for
systemd 249 and later.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from ipaddress import ip_address
from typing import Final

from glowplug.errors import RequestError

WATCHDOG: Final = 60
"""Seconds without a sign of life after which the server is started again."""
_FATAL_EXIT = 78
"""As `glowplug.supervisor.FATAL_EXIT`, which is on a higher floor."""
_HEAD = "# Written by `glowplug systemd install`; sha256 of the lines below: "
_CHOICES = "Choices="
_STOPS_WITHIN = 80
"""Seconds that stopping takes at most beside the drain: late workers, the engines, helpers."""


@dataclass(frozen=True)
class Setup:
    """What an installation of units is made of.  No secret is in it: units can be read by everybody."""

    command: tuple[str, ...]
    """How Glowplug is run: the interpreter and its arguments."""
    state: str
    listen: str
    """ADDRESS:PORT of the socket."""
    backups: str
    """Directory of the backups."""
    environment: str
    """File with `NAME=value` lines for the server, keys of providers for example; it need not be there."""
    path: str
    """PATH of the server: where engines are found."""
    config: str = ""
    """Configuration file, or empty for the usual one."""
    keep: int = 7
    """How many backups stay."""
    drain: int = 30
    """Seconds in which running requests may finish."""
    name: str = "glowplug"
    """What the names of the units begin with."""
    system: bool = False
    """Units of the system instead of the user's."""
    account: str = ""
    """Who the server runs as, for units of the system."""
    containers: bool = False
    """Engines run in containers: rootless ones are started by programs that gain privileges (newuidmap)."""


def units(setup: Setup) -> dict[str, str]:
    """File name → text of every unit.  Raises RequestError for values that no unit can say."""
    bodies = {
        f"{setup.name}.socket": _socket(setup),
        f"{setup.name}.service": _service(setup),
        f"{setup.name}-backup.service": _backup(setup),
        f"{setup.name}-backup.timer": _timer(setup, "backup", "*-*-* 03:30:00", persistent=True),
        f"{setup.name}-smoke.service": _smoke(setup),
        f"{setup.name}-smoke.timer": _timer(setup, "smoke", "*-*-* 04:30:00", persistent=False),
    }
    return {name: sealed(body) for name, body in bodies.items()}


def unit_names(name: str) -> tuple[str, ...]:
    """The units of an installation whose names begin so."""
    parts = (".socket", ".service", "-backup.service", "-backup.timer", "-smoke.service", "-smoke.timer")
    return tuple(name + part for part in parts)


def enabled(name: str) -> tuple[str, ...]:
    """The units that are enabled and started.  Neither loads a model: the server is started by its first client, and
    the timer of the smoke test is there for who enables it."""
    return (f"{name}.socket", f"{name}-backup.timer")


def listen_stream(host: str, port: int) -> str:
    """ADDRESS:PORT for a .socket unit, which knows no names of hosts.  Raises RequestError."""
    bare = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        address = ip_address(bare)
    except ValueError:
        raise RequestError(
            f"systemd cannot listen on {host!r}: a .socket unit takes addresses, no names",
            hint="write an address as server.host in the configuration",
        ) from None
    if port == 0:
        raise RequestError("systemd cannot listen on port 0", hint="name a port as server.port in the configuration")
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def sealed(body: str) -> str:
    """The text of a unit file: a line by which later edits are known, then `body`."""
    return f"{_HEAD}{sha256(body.encode()).hexdigest()}\n{body}"


def ours(text: str) -> bool:
    """Whether a unit file is as it was written: nobody edited it since."""
    head, _, body = text.partition("\n")
    return head.startswith(_HEAD) and head.removeprefix(_HEAD) == sha256(body.encode()).hexdigest()


def written_for(text: str) -> Setup | None:
    """The setup that a service file was written for, or None where it does not say."""
    for line in text.splitlines():
        if line.startswith(_CHOICES):
            try:
                said = json.loads(line.removeprefix(_CHOICES))
                kept = {field.name: said[field.name] for field in fields(Setup) if field.name in said}
                return Setup(**{**kept, "command": tuple(said["command"])})
            except (ValueError, TypeError, KeyError):
                return None
    return None


def _socket(setup: Setup) -> str:
    return f"""\
[Unit]
Description=Glowplug: its port, open before it runs

[Socket]
ListenStream={setup.listen}
Backlog=4096
NoDelay=yes

[Install]
WantedBy=sockets.target
"""


def _service(setup: Setup) -> str:
    options = ("--config", setup.config) if setup.config else ()
    network = "Wants=network-online.target\nAfter=network-online.target\n" if setup.system else ""
    choices = json.dumps(asdict(setup), ensure_ascii=True)
    return f"""\
[Unit]
Description=Glowplug: one endpoint in front of every model
Requires={setup.name}.socket
After={setup.name}.socket
{network}StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart={_command(setup, "up", *options)}
ExecReload=/bin/kill -HUP $MAINPID
{_common(setup)}WatchdogSec={WATCHDOG}
TimeoutStartSec=300
TimeoutStopSec={setup.drain + _STOPS_WITHIN}
Restart=on-failure
RestartSec=1
# What ends with this status would end again: its configuration is wrong.
RestartPreventExitStatus={_FATAL_EXIT}
# The supervisor alone is told to stop, and stops the others in order; whoever is left is killed.
KillMode=mixed
{_hardening(setup)}
[Install]
Also={setup.name}.socket
WantedBy={"multi-user" if setup.system else "default"}.target

[X-Glowplug]
{_CHOICES}{choices}
"""


def _backup(setup: Setup) -> str:
    options = ("--config", setup.config) if setup.config else ()
    words = ("backup", "--into", setup.backups, "--keep", str(setup.keep), *options)
    return f"""\
[Unit]
Description=Glowplug: a backup of its database; the last {setup.keep} stay

[Service]
Type=oneshot
ExecStart={_command(setup, *words)}
{_common(setup)}Nice=10
"""


def _smoke(setup: Setup) -> str:
    return f"""\
[Unit]
Description=Glowplug: every model of this machine is asked what it promises (this loads them)
Wants={setup.name}.service
After={setup.name}.service

[Service]
Type=oneshot
ExecStart={_command(setup, "smoke", "--junit", f"{setup.state}/smoke.xml")}
{_common(setup)}TimeoutStartSec=infinity
"""


def _timer(setup: Setup, what: str, calendar: str, *, persistent: bool) -> str:
    missed = (
        "# One that was missed, because the machine was off, is made up for.\nPersistent=yes\n" if persistent else ""
    )
    return f"""\
[Unit]
Description=Glowplug: when {setup.name}-{what}.service runs

[Timer]
OnCalendar={calendar}
RandomizedDelaySec=900
{missed}
[Install]
WantedBy=timers.target
"""


def _common(setup: Setup) -> str:
    """What every service of ours has: its account, surroundings, log."""
    # A home that ends with "~" is the account's; the user's manager starts its services at home anyway.
    account = f"User={setup.account}\nWorkingDirectory=~\n" if setup.system else ""
    return f"""\
{account}Environment={_quoted(f"PATH={setup.path}")}
EnvironmentFile=-{_plain(setup.environment)}
StandardOutput=journal
StandardError=journal
UMask=0077
"""


def _hardening(setup: Setup) -> str:
    """What can be taken away from a server that starts engines.

    Not taken: devices (GPUs), the home directory (models), memory that is written and executed (CUDA, Python), a
    temporary directory of everybody's (the sockets of a state directory with a long path are there), clocks (a policy
    for devices comes with that).  The user's manager can set up no mount of its own without a user namespace, in which
    a GPU's device files belong to nobody.
    """
    if setup.containers:
        lines = ["# Engines run in containers, whose starters gain privileges: no more can be taken away."]
    else:
        lines = [
            "NoNewPrivileges=yes",
            "RestrictSUIDSGID=yes",
            "RestrictRealtime=yes",
            "LockPersonality=yes",
            "SystemCallArchitectures=native",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
        ]
    if setup.system:
        lines += ["ProtectSystem=full", "ProtectKernelModules=yes", "ProtectKernelLogs=yes", "ProtectHostname=yes"]
    return "\n".join(lines) + "\n"


def _command(setup: Setup, *words: str) -> str:
    return " ".join(
        _quoted(word).replace("$", "$$") for word in (*setup.command, words[0], "--state-dir", setup.state, *words[1:])
    )


def _quoted(word: str) -> str:
    """A word as a unit file says it, in quotes where it has to be."""
    plain = _plain(word)
    if plain and not any(char in plain for char in " \t\"'\\;"):
        return plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(word: str) -> str:
    if not word.isprintable():
        raise RequestError(f"{word!r} cannot be said in a unit file", hint="use a path without control characters")
    return word.replace("%", "%%")
