"""What there is to say about a client: where it keeps its settings, what it is told, how it is recognised.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from glowplug.config.readers.foreign import Value

PLACEHOLDER = "YOUR_GLOWPLUG_KEY"
"""Stands where a key belongs, where no key is to be shown."""


class Kind(StrEnum):
    """What sort of program it is."""

    AGENT = "agent"
    """Works in a terminal."""
    EDITOR = "editor"
    APP = "app"
    LIBRARY = "library"


class Form(StrEnum):
    """How a settings file is written."""

    JSON = "json"
    """With comments and commas too many, as editors allow them."""
    TOML = "toml"
    YAML = "yaml"


@dataclass(frozen=True)
class Home:
    """The person whose settings they are; `env` is what their programs see."""

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def of(self, variable: str, *usual: str) -> Path:
        """The directory that a variable names, else the usual one below this home."""
        said = self.env.get(variable, "")
        return Path(said) if said else self.path.joinpath(*usual)

    @property
    def config(self) -> Path:
        """Where settings are by the XDG convention."""
        return self.of("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True)
class Model:
    """A model (or alias) as clients are told of it."""

    name: str
    context: int | None = None
    """Tokens; None: nobody said."""
    output: int | None = None


@dataclass(frozen=True)
class Wanted:
    """What a client is to use.  Of several models the first is what it uses unless told otherwise."""

    url: str
    """As the client reaches this server, without `/v1` and without a slash at the end."""
    key: str
    models: tuple[Model, ...]

    @property
    def model(self) -> Model:
        return self.models[0]

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"

    @property
    def loopback(self) -> bool:
        return any(f"//{host}" in self.url for host in ("127.", "localhost", "[::1]"))


@dataclass(frozen=True)
class Items:
    """Entries of a list: each takes the place of the one that says the same under `by`, else stands behind the rest."""

    by: str
    rows: tuple[dict[str, Value], ...]


Values = dict[str, "Value | Items"]
"""What a settings file is to say.  Mappings are merged into those that are there, everything else is replaced."""


@dataclass(frozen=True)
class Edit:
    """What one settings file is to say.  `values` are Items where the file is a list."""

    path: Path
    form: Form
    values: Values | Items
    secret: bool = False
    """The key is in it."""
    only_secrets: bool = False
    """Every value in it is one."""


@dataclass(frozen=True)
class Text:
    """A text to copy: a program, a command."""

    title: str
    language: str
    text: str


@dataclass(frozen=True)
class Recipe:
    """All of it: what is written into files, else set in an environment, copied, or done by hand; in this order."""

    edits: tuple[Edit, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    texts: tuple[Text, ...] = ()
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What is good to know."""


@dataclass(frozen=True)
class Client:
    """One program."""

    name: str
    """What it is called on the command line."""
    title: str
    kind: Kind
    wire: str
    """What it speaks: `openai`, `anthropic`, `responses`, `ollama`."""
    recipe: Callable[[Wanted, Home], Recipe]
    programs: tuple[str, ...] = ()
    """Programs that are there where it is."""
    places: Callable[[Home], tuple[Path, ...]] = lambda _home: ()
    """Files and directories that are there where it is."""
    agents: tuple[str, ...] = ()
    """How its `User-Agent` begins, in small letters; empty where it says what others say too, or nothing."""
