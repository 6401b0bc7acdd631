"""A museum of broken installations: each exhibit is a machine in a folder that is healthy but for one thing.

An exhibit says how it is planted, which check must find it, and about what.  `test_contract.py` runs over all of them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from glowplug.doctor.registry import ROWS
from glowplug.doctor.repair import RealHands
from glowplug.doctor.site import Foreign, NoSuchProgram, Ran, Site
from glowplug.domain.finding import Severity
from glowplug.paths import Paths
from glowplug.testing.clock import VirtualClock
from glowplug.testing.litellm_sealing import SALT
from tests.doctor.litellm import Wing
from tests.moving.postgres import Server

HOME = "/home/ann"
STATE = f"{HOME}/.local/state/glowplug"
CONFIG = f"{HOME}/.config/glowplug/config.yaml"
LITELLM = f"{HOME}/litellm/config.yaml"

Answer = Ran | Exception
Program = Callable[[Sequence[str]], Ran]


class Programs:
    """Programs of the museum's machine: what is not here is not installed."""

    def __init__(self) -> None:
        self.known: dict[str, Program] = {}
        self.ran: list[tuple[str, ...]] = []

    def __call__(self, argv: Sequence[str], seconds: float) -> Ran:
        self.ran.append(tuple(argv))
        program = self.known.get(Path(argv[0]).name)
        if program is None:
            raise NoSuchProgram(argv[0])
        return program(argv)

    def says(self, name: str, answers: Mapping[str, str]) -> None:
        """A program that answers its arguments (joined by spaces) with a text, and fails for others."""

        def run(argv: Sequence[str]) -> Ran:
            asked = " ".join(argv[1:])
            return Ran(code=0, out=answers[asked]) if asked in answers else Ran(code=1, out="", err=f"not: {asked}")

        self.known[name] = run


@dataclass
class Machine:
    """A machine in a folder, with an installation on it that nothing is wrong with."""

    root: Path
    programs: Programs = field(default_factory=Programs)
    clock: VirtualClock = field(default_factory=VirtualClock)
    more: list[Callable[[], Mapping[str, tuple[int, bytes]]]] = field(default_factory=list)
    """What else belongs to a snapshot: a database, for example."""
    server: Callable[[], Server] | None = None
    """A PostgreSQL, started when it is asked for."""
    litellm: Wing | None = None

    def __post_init__(self) -> None:
        self.site = Site(
            paths=Paths(Path(STATE), Path(STATE, "run")), config=Path(CONFIG), root=self.root, home=Path(HOME), env={},
            clock=self.clock, run=self.programs,
        )  # fmt: skip
        self.hands = Hands(self.site, self.programs)
        self.write(CONFIG, "server:\n  port: 4000\n")
        self.write(f"{STATE}/pepper.key", b"p" * 32)

    def install_litellm(self, era: str = "1.82") -> Wing:
        """A LiteLLM database of an era with rows that nothing is wrong with; the site names it and its salt key."""
        assert self.server is not None, "the test has to give the machine a server"
        self.litellm = Wing(self.server(), era)
        self.more.append(self.litellm.dump)
        self.site.litellm = replace(self.site.litellm or Foreign(), database=self.litellm.url, keys=(SALT,))
        return self.litellm

    def configure_litellm(self, text: str, environment: str = "") -> None:
        """LiteLLM's configuration, and the file beside it that sets its environment; the site names the former."""
        self.write(LITELLM, text)
        if environment:
            self.write(str(Path(LITELLM).with_name(".env")), environment)
        self.site.litellm = replace(self.site.litellm or Foreign(), config=Path(LITELLM))

    @property
    def wing(self) -> Wing:
        """The database that `install_litellm` made."""
        assert self.litellm is not None
        return self.litellm

    def close(self) -> None:
        if self.litellm is not None:
            self.litellm.drop()

    def path(self, path: str) -> Path:
        return self.site.real(path)

    def write(self, path: str, text: str | bytes, mode: int = 0o600) -> Path:
        """A file of the machine; folders come with it."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)
        return file

    def link(self, path: str, target: str) -> None:
        link = self.path(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """Everything on it but what the doctor keeps of its repairs: path → (mode, bytes or target)."""
        found: dict[str, tuple[int, bytes]] = {}
        for folder, folders, files in os.walk(self.root):
            for name in (*folders, *files):
                path = Path(folder, name)
                relative = str(path.relative_to(self.root))
                if relative.startswith(f"{STATE}/doctor".lstrip("/")):
                    continue
                info = path.lstat()
                if stat.S_ISLNK(info.st_mode):
                    found[relative] = (0, str(path.readlink()).encode())
                elif stat.S_ISREG(info.st_mode):
                    found[relative] = (stat.S_IMODE(info.st_mode), path.read_bytes())
        for part in self.more:
            found.update(part())
        return found


class Hands(RealHands):
    """Change the museum's machine only."""

    def __init__(self, site: Site, programs: Programs) -> None:
        super().__init__(site)
        self._programs = programs

    def run(self, argv: Sequence[str], seconds: float) -> Ran:
        return self._programs(argv, seconds)


@dataclass(frozen=True)
class Exhibit:
    """One defect."""

    name: str
    check: str
    plant: Callable[[Machine], None]
    """Makes the defect on a healthy machine."""
    subjects: tuple[str, ...]
    """Parts of the subjects that are found, one for each finding."""
    severity: Severity = Severity.WARNING
    """The worst."""
    repaired: bool = True
    """It has a remedy, after which nothing is found."""
    healthy: Callable[[Machine], None] = lambda machine: None
    """Makes what the check looks at, with nothing wrong."""


def exhibits() -> list[Exhibit]:
    """Those of all checks: `EXHIBITS` of the test module beside each."""
    found: list[Exhibit] = []
    for module, _ in ROWS:
        found += import_module(f"tests.doctor.checks.test_{module}").EXHIBITS
    return found


def ids(exhibit: Any) -> str:
    return f"{exhibit.check}: {exhibit.name}"
