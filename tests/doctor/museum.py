"""A museum of broken installations: each exhibit is a machine in a folder that is healthy but for one thing.

An exhibit says how it is planted, which check must find it, and about what.  `test_base.py` runs over all of them.
"""

from __future__ import annotations

import functools
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine

from glowplug.doctor.registry import ROWS
from glowplug.doctor.repair import RealHands
from glowplug.doctor.site import Foreign, NoSuchProgram, Ran, Site
from glowplug.domain.finding import Severity
from glowplug.paths import Paths
from glowplug.store.migrate import CURRENT, migrate
from glowplug.testing.clock import VirtualClock
from glowplug.testing.litellm_sealing import SALT
from tests.doctor.litellm import Wing
from tests.moving.postgres import Server
from tests.support import gguf_files

HOME = "/people/ann"
STATE = f"{HOME}/.local/state/glowplug"
CONFIG = f"{HOME}/.config/glowplug/config.yaml"
LITELLM = f"{HOME}/litellm/config.yaml"

HEALTHY = """\
server:
  port: 4000
providers:
  openai: {api_key: sk-x}
models:
  chat-gpt-openai: {provider: openai, id: gpt-5-mini}
aliases:
  chat-default: {targets: [chat-gpt-openai]}
"""
ENVIRONMENT = (
    "LITELLM_MASTER_KEY=sk-Qm3vB8xT1zK6wP9rL4nH\nLITELLM_SALT_KEY=sk-Zd7yC2uE5aJ0sG8tF1kV\nUI_PASSWORD=wq9-Lm3x-Tz0p\n"
)
"""Beside a LiteLLM configuration: keys that nobody guesses."""
WEIGHTS = f"{HOME}/models/hermes.gguf"
LITELLM = f"{HOME}/litellm/config.yaml"
DATABASE = f"{STATE}/glowplug.db"
MODEL = f"""\
  chat-hermes-llamacpp:  # at home
    engine: llamacpp
    path: {WEIGHTS}
    max_concurrency: 4
    options: {{ctx_size: 4096}}
"""
REMOTE = """\
  chat-gpt-openai: {provider: openai, id: gpt-5-mini}
"""

Answer = Ran | Exception
Program = Callable[[Sequence[str]], Ran]


def disk(free: int, files: int = 10**6, favail: int = 10**6) -> Any:
    """What a file system with so many bytes free says."""
    return SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_files=files, f_favail=favail)


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


@functools.cache
def _empty_database() -> bytes:
    """The bytes of a database of this release; making one takes a second."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "glowplug.db")
        engine = create_engine(URL.create("sqlite", database=str(file)), poolclass=NullPool)
        with engine.begin() as connection:
            migrate(connection, CURRENT, None)
        engine.dispose()
        return file.read_bytes()


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
    at_close: list[Callable[[], None]] = field(default_factory=list)
    """Ends what runs for as long as the machine is there."""
    answers: dict[str, Any] = field(default_factory=dict)
    """What its server answers (`tests.doctor.server`)."""
    litellm_answers: dict[str, Any] = field(default_factory=dict)
    litellm_keys: list[str] = field(default_factory=list)
    index_answers: dict[str, Any] = field(default_factory=dict)
    """What its package index answers."""

    def __post_init__(self) -> None:
        self.site = Site(
            paths=Paths(Path(STATE), Path(STATE, "run")), config=Path(CONFIG), root=self.root, home=Path(HOME), env={},
            clock=self.clock, run=self.programs, statvfs=lambda path: disk(100 << 30),
        )  # fmt: skip
        self.programs.known["systemd-analyze"] = lambda argv: Ran(code=0, out="")
        self.hands = Hands(self.site, self.programs)
        self.write(CONFIG, HEALTHY)
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

    def litellm_config(self, text: str) -> None:
        """LiteLLM's configuration, with keys beside it that nobody guesses."""
        self.configure_litellm(text, ENVIRONMENT)

    @property
    def wing(self) -> Wing:
        """The database that `install_litellm` made."""
        assert self.litellm is not None
        return self.litellm

    def close(self) -> None:
        for end in self.at_close:
            end()
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

    def models(self, more: str = "", *, model: str = MODEL) -> None:
        """A configuration with a local model, which has its weights, one of a provider, and `more` sections."""
        self.write(
            CONFIG, f"server:\n  port: 4000\nproviders:\n  openai: {{api_key: sk-x}}\nmodels:\n{model}{REMOTE}{more}"
        )
        self.gguf(WEIGHTS)

    def gguf(self, path: str, *, context: int = 8192, cut: int = 0) -> None:
        """Weights of a llama that are a hole in a file."""
        values = {"general.architecture": "llama", "llama.context_length": context}
        self.write(path, b"")
        gguf_files.write(self.path(path), values, [("token_embd.weight", (64, 64))], cut=cut)

    def store(self) -> Engine:
        """An empty database of the installation, to be written to until its end."""
        if not self.path(DATABASE).exists():
            self.write(DATABASE, _empty_database())
        return create_engine(URL.create("sqlite", database=str(self.path(DATABASE))), poolclass=NullPool)

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
                # The doctor's own notes, and what SQLite puts beside a database that somebody reads.
                if relative.startswith(f"{STATE}/doctor".lstrip("/")) or name.endswith(("-shm", "-wal")):
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
