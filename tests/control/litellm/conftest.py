from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from glowplug.config.load import load
from glowplug.config.managed import ManagedFile
from glowplug.control.app import build_app
from glowplug.control.configuration import Configuration
from glowplug.domain.snapshot import AliasRoute, ModelRoute
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.catalogue import PROVIDERS
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.usecases.managed import ManagedBook
from tests.control.conftest import Control
from tests.ledger.builders import closed


@pytest.fixture
def ledger(database: Database) -> None:
    """Three requests on two days: 31 + 31 + 301 nano-dollars."""
    lines = [
        closed("a", model="local", key="k1", day=0),
        closed("b", model="cloud", key="k2", day=0),
        closed("c", model="cloud", key="k1", day=1, prompt=100, completion=50),
    ]
    tagged = [msgspec.structs.replace(line, tags=("a", "b")) for line in lines]
    AttemptStore(database).absorb("w", "s", 1, [], tagged)


FILE = """\
providers:
  lab: {base_url: "http://127.0.0.1:9/v1"}
models:
  own: {provider: lab, id: own, former_ids: [old-id]}
  plain: {provider: lab, id: plain}
aliases:
  theirs: {targets: [own]}
"""


class Served:
    """A control process over a real file and the real layer beneath it."""

    def __init__(self, control: Control, folder: Path) -> None:
        self.control = control
        self.file, self.path = folder / "config.yaml", folder / "layer.yaml"
        self.file.write_text(FILE)
        self.credentials = control.credentials
        self.env: dict[str, str] = {"HOME": "/h", "SECRET_OF_OURS": "v4riable"}
        layer = ManagedFile(self.path)
        loaded = load(
            self.file, env=self.env, engines=Catalogue(), providers=PROVIDERS, managed=layer,
            secrets=self.credentials.secret,
        )  # fmt: skip
        self.configuration = Configuration(
            loaded, workers=1, env=self.env, engines=Catalogue(), providers=PROVIDERS, events=control.events,
            clock=control.clock, secrets=self.credentials.secret, managed=self.path,
        )  # fmt: skip
        self.credentials.connect(self.configuration.secrets_changed, self.configuration.secret_uses)
        book = ManagedBook(self.path, self.configuration, self.credentials, self.lookup, control.changes)
        services = dataclasses.replace(control.services, catalog=self.configuration.catalog, managed=book)
        control.app = build_app(services)

    async def lookup(self, host: str) -> list[str]:
        return {"metadata.example": ["169.254.169.254"]}.get(host, [])

    def text(self) -> str:
        """What is in the layer's file."""
        return self.path.read_text() if self.path.exists() else ""

    def model(self, name: str) -> ModelRoute:
        """As it is in force."""
        return next(one for one in self.configuration.catalog().models if one.name == name)

    def alias(self, name: str) -> AliasRoute | None:
        return next((one for one in self.configuration.catalog().aliases if one.name == name), None)


@pytest.fixture
def served(control: Control, tmp_path: Path) -> Served:
    return Served(control, tmp_path)


@pytest.fixture
async def root(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """An admin of what is served."""
    async with served.control.client(served.control.admin_key) as client:
        yield client
