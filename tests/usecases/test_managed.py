"""Adding, changing and removing at run time, over real files and the real reader."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glowplug.config.load import Loaded, load
from glowplug.config.managed import ManagedFile
from glowplug.control.configuration import Configuration
from glowplug.control.events import Broadcaster
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError, Conflict, NotFound, RequestError
from glowplug.providers.catalogue import PROVIDERS
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.credentials import CredentialBook
from glowplug.usecases.managed import Document, Edit, ManagedBook, Plan
from tests.still_clock import StillClock
from tests.support.sqlite import opened

FILE = """\
providers:
  lab: {base_url: "http://127.0.0.1:9/v1"}
models:
  a: {provider: lab, id: a}
aliases:
  x: {targets: [a]}
"""


class Rig:
    def __init__(self, folder: Path) -> None:
        self.config, self.path = folder / "config.yaml", folder / "managed.yaml"
        self.config.write_text(FILE)
        self.database = opened(folder / "glowplug.db")
        self.credentials = CredentialBook(self.database, folder / "ring", StillClock())
        env = {"HOME": "/h"}
        loaded = load(
            self.config, env=env, engines=Catalogue(), providers=PROVIDERS, managed=ManagedFile(self.path),
            secrets=self.credentials.secret,
        )  # fmt: skip
        self.configuration = Configuration(
            loaded, workers=1, env=env, engines=Catalogue(), providers=PROVIDERS, events=Broadcaster(),
            clock=StillClock(), secrets=self.credentials.secret, managed=self.path,
        )  # fmt: skip
        self.credentials.connect(self.configuration.secrets_changed, self.configuration.secret_uses)
        self.hosts: dict[str, list[str]] = {}
        self.log = ChangeLog(self.database, StillClock(), lambda: 1e9)
        self.book = ManagedBook(self.path, self.configuration, self.credentials, self.lookup, self.log)

    async def lookup(self, host: str) -> list[str]:
        return self.hosts.get(host, [])

    def names(self) -> list[str]:
        return list(self.configuration.catalog().names())

    async def model(self, name: str = "b", **more: Any) -> None:
        await self.book.add("models", name, {"provider": "lab", "id": name, **more})


@pytest.fixture
def rig(tmp_path: Path) -> Any:
    made = Rig(tmp_path)
    yield made
    made.database.close()


async def test_a_model_is_served_at_once_and_after_a_restart(rig: Rig) -> None:
    written = await rig.book.add("models", "chat-3.1:b", {"provider": "lab", "id": "b", "rpm": 5})
    assert written.settings == {"provider": "lab", "id": "b", "rpm": 5}
    assert written.changed == ("chat-3.1:b",)
    assert rig.names() == ["a", "chat-3.1:b", "x"]
    assert stat.S_IMODE(rig.path.stat().st_mode) == 0o600
    assert ManagedFile(rig.path).good.read_bytes() == rig.path.read_bytes()
    again = load(rig.config, env={"HOME": "/h"}, engines=Catalogue(), managed=ManagedFile(rig.path))
    assert ("models", "chat-3.1:b") in again.managed


async def test_change_keeps_what_is_not_named_and_none_takes_away(rig: Rig) -> None:
    await rig.model(rpm=5, tags=["fast"])
    written = await rig.book.change("models", "b", {"rpm": None, "id": "c"})
    assert written.settings == {"provider": "lab", "id": "c", "tags": ["fast"]}
    route = next(one for one in rig.configuration.catalog().models if one.name == "b")
    assert (route.upstream_model, route.tags) == ("c", ("fast",))


async def test_remove(rig: Rig) -> None:
    await rig.model()
    await rig.book.add("aliases", "y", {"targets": ["b", "a"]})
    with pytest.raises(ConfigError, match="there is no model b"):
        await rig.book.remove("models", "b")
    assert "b" in rig.names()
    await rig.book.remove("aliases", "y")
    gone = await rig.book.remove("models", "b")
    assert gone.settings is None
    assert rig.names() == ["a", "x"]
    with pytest.raises(NotFound):
        await rig.book.remove("models", "b")


@pytest.mark.parametrize(
    ("section", "name"), [("models", "a"), ("models", "x"), ("aliases", "a"), ("providers", "lab")]
)
async def test_what_the_file_has_is_changed_in_the_file(rig: Rig, section: str, name: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: rig.book.add(section, name, {"provider": "lab", "id": "i"}),
        lambda: rig.book.change(section, name, {"rpm": 1}),
        lambda: rig.book.remove(section, name),
    ]
    for call in calls:
        with pytest.raises(Conflict, match="is in the configuration file"):
            await call()
    assert not rig.path.exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"provider": "nobody", "id": "b"},
        {"provider": "lab"},
        {"provider": "lab", "id": "b", "args": ["--x"]},
        {"engine": "llamacpp", "path": "/etc/passwd"},
        {"engine": "command", "command": "/bin/sh", "ready": {"tcp": True}},
        {"provider": "lab", "id": "${HOME}"},
        {"provider": "lab", "id": "b", "rpm": 0},
        {"provider": "lab", "id": "b", "colour": {"a": [1]}},
        {},
    ],
)
async def test_what_the_reader_would_refuse_is_never_written(rig: Rig, settings: dict[str, object]) -> None:
    await rig.model("good")
    before = rig.path.read_bytes()
    with pytest.raises(ConfigError) as caught:
        await rig.book.add("models", "b", settings)
    assert caught.value.problems
    assert rig.path.read_bytes() == before
    assert rig.names() == ["a", "good", "x"]


async def test_a_dry_run_checks_and_writes_nothing(rig: Rig) -> None:
    assert (await rig.book.add("models", "b", {"provider": "lab", "id": "b"}, dry_run=True)).dry_run
    with pytest.raises(ConfigError):
        await rig.book.add("models", "b", {"provider": "lab"}, dry_run=True)
    await rig.book.add("providers", "p", {"base_url": "http://127.0.0.1:1/v1", "api_key": "sk-x"}, dry_run=True)
    assert not rig.path.exists()
    assert rig.credentials.list().data == ()


async def test_the_key_of_a_provider_is_sealed_and_leaves_with_it(rig: Rig) -> None:
    written = await rig.book.add("providers", "p", {"base_url": "http://127.0.0.1:1/v1", "api_key": "sk-very-secret"})
    assert written.settings == {"base_url": "http://127.0.0.1:1/v1", "api_key": "secret:providers/p"}
    assert "very-secret" not in rig.path.read_text()
    await rig.book.add("models", "b", {"provider": "p", "id": "b"})
    route = next(one for one in rig.configuration.catalog().models if one.name == "b")
    assert (route.api_key, route.unavailable) == ("sk-very-secret", "")
    row = next(one for one in rig.book.providers() if one.name == "p")
    assert (row.source, row.models, row.settings["api_key"]) == ("managed", ("b",), "secret:providers/p")
    assert "very-secret" not in str(rig.book.providers())
    assert next(one.source for one in rig.book.providers() if one.name == "lab") == "file"
    await rig.book.remove("models", "b")
    await rig.book.remove("providers", "p")
    assert rig.credentials.list().data == ()


async def test_a_name_that_stands_for_a_metadata_service_is_refused(rig: Rig) -> None:
    rig.hosts = {"evil.invalid": ["127.0.0.1", "169.254.169.254"], "lan.invalid": ["192.168.1.5"]}
    with pytest.raises(RequestError, match="link-local"):
        await rig.book.add("providers", "p", {"base_url": "http://evil.invalid/v1"})
    await rig.book.add("providers", "p", {"base_url": "http://lan.invalid/v1"})


async def test_one_broken_entry_does_not_stop_changes_of_others(rig: Rig) -> None:
    await rig.model("b")
    rig.path.write_text(rig.path.read_text() + "  bad:\n    provider: nobody\n    id: i\n")
    await rig.configuration.reload()
    await rig.model("c")
    assert rig.names() == ["a", "b", "c", "x"]
    assert "bad" in rig.path.read_text(), "somebody wrote it, somebody may want it"
    await rig.book.change("models", "bad", {"provider": "lab"})
    assert "bad" in rig.names()


async def test_a_layer_that_nobody_can_read_is_not_written_over(rig: Rig) -> None:
    await rig.model("b")
    rig.path.write_text("models: [")
    await rig.configuration.reload()
    assert rig.names() == ["a", "b", "x"]
    with pytest.raises(ConfigError):
        await rig.model("c")
    assert rig.path.read_text() == "models: ["


def several(*edits: Edit) -> Plan:
    return lambda _loaded, _document: edits


async def test_several_entries_are_written_together_or_not_at_all(rig: Rig) -> None:
    provider = Edit("providers", "p", {"base_url": "http://127.0.0.1:8/v1", "api_key": "sk-v3ry-secret"})
    model, alias = Edit("models", "m", {"provider": "p", "id": "m"}), Edit("aliases", "y", {"targets": ["m"]})
    await rig.book.together(several(provider, model, alias))
    assert rig.names() == ["a", "m", "x", "y"]
    before = rig.path.read_text()
    assert "v3ry" not in before and rig.credentials.names() == {"providers/p"}
    other = Edit("providers", "q", {"base_url": "http://127.0.0.1:7/v1", "api_key": "sk-v3ry-other"})
    for wrong in (Edit("models", "n", {"provider": "nobody", "id": "n"}), Edit("models", "m", None)):
        with pytest.raises(ConfigError):
            await rig.book.together(several(other, wrong))
    with pytest.raises(Conflict):
        await rig.book.together(several(other, Edit("aliases", "x", None)))
    assert rig.path.read_text() == before and rig.credentials.names() == {"providers/p"}
    gone = [Edit(one.section, one.name, None) for one in (provider, model, alias)]
    await rig.book.together(several(*gone))
    assert rig.names() == ["a", "x"] and not rig.credentials.names()


async def test_a_plan_is_made_of_what_is_there_when_its_turn_comes(rig: Rig) -> None:
    def plan(_loaded: Loaded, document: Document) -> list[Edit]:
        number = len(document.get("models", {}))
        return [Edit("models", f"m{number}", {"provider": "lab", "id": "m"})]

    await asyncio.gather(*(rig.book.together(plan) for _ in range(3)))
    assert rig.names() == ["a", "m0", "m1", "m2", "x"]
