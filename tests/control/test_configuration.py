"""The configuration in force over a real file and the real reader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from glowplug.config.diff import Diff
from glowplug.config.load import Loaded, load
from glowplug.control.configuration import Configuration
from glowplug.control.events import Broadcaster, Event, Subscription
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError
from glowplug.secret import Secret
from glowplug.usecases.config import Reloaded
from tests.still_clock import StillClock
from tests.waiting import until

TWO = """\
server: {hosts: [box.lan], origins: ["https://ui.example"]}
models:
  a: {engine: llamacpp, path: a.gguf, keep_alive: 1m}
  b: {engine: llamacpp, path: b.gguf}
aliases:
  x: {targets: [a, b]}
memory: {reserve: 5}
scheduling: {queue: 6}
groups:
  g: {members: [a], exclusive: true}
"""
CHANGED = TWO.replace("1m", "2m").replace("b.gguf", "c.gguf").replace("[a, b]", "[b, a]")
BAD = "models:\n  a: {engine: llamacp, path: a.gguf}\n"


class Desk:
    """A file, the configuration made from it, and what became of changes."""

    def __init__(self, path: Path | None, text: str = TWO, **env: str) -> None:
        self.path = path
        self.secrets: dict[str, str] = {}
        self.env = {"HOME": "/h", **env}
        self.events = Broadcaster()
        self.heard: Subscription = self.events.subscribe()
        self.applied: list[tuple[Diff, str, tuple[str, ...]]] = []
        if path is not None:
            path.write_text(text)
        self.configuration = Configuration(
            self.read(), workers=3, env=self.env, engines=Catalogue(), events=self.events, clock=StillClock(),
            secrets=lambda name: Secret(self.secrets[name]) if name in self.secrets else f"there is no secret {name}",
        )  # fmt: skip
        self.configuration.connect(self.apply)

    def read(self) -> Loaded:
        if self.path is None:
            return Loaded.empty(env=self.env, engines=Catalogue())
        return load(self.path, env=self.env, engines=Catalogue())

    def apply(self, change: Diff) -> int:
        catalog = self.configuration.catalog()
        self.applied.append((change, catalog.stale, tuple(model.name for model in catalog.models)))
        return 40 + len(self.applied)

    def save(self, text: str) -> None:
        assert self.path is not None
        other = self.path.with_suffix(".new")
        other.write_text(text)
        other.replace(self.path)

    async def event(self) -> Event:
        event = await self.heard.next(10)
        assert event is not None
        return event


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "config.yaml")


@pytest.fixture
def nowhere() -> Desk:
    return Desk(None)


def test_the_catalog_is_what_the_file_says(desk: Desk) -> None:
    catalog, loaded = desk.configuration.catalog(), desk.read()
    assert (catalog.models, catalog.local, catalog.aliases) == (loaded.routes, loaded.local_models, loaded.aliases)
    assert [model.name for model in catalog.local] == ["a", "b"]
    assert (catalog.memory.reserve, catalog.scheduling.queue) == (5, 6)
    assert [(group.name, group.members) for group in catalog.groups] == [("g", ("a",))]
    assert "box.lan" in catalog.hosts and catalog.origins == ("https://ui.example",)
    assert (catalog.limits, catalog.workers, catalog.stale) == (loaded.server.limits, 3, "")
    assert desk.configuration.path == desk.path


async def test_a_reload_puts_the_file_in_force_before_it_is_carried_out(desk: Desk) -> None:
    desk.save(CHANGED)
    reloaded = await desk.configuration.reload()
    assert (set(reloaded.changed), reloaded.revision, reloaded.dry_run) == ({"a", "b", "x"}, 41, False)
    [(change, stale, names)] = desk.applied
    assert (change.restart, change.retuned, change.aliases, stale) == (("b",), ("a",), ("x",), "")
    assert names == ("a", "b")
    assert desk.configuration.catalog().local[0].keep_alive == 120.0
    event = await desk.event()
    assert (event.kind, event.at) == ("config", StillClock().now)
    assert event.data == {"changed": reloaded.changed, "revision": 41}


async def test_a_changed_secret_is_in_force_at_once(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path / "config.yaml",
        "providers:\n  p: {base_url: 'https://p/v1', api_key: 'secret:p'}\nmodels:\n  m: {provider: p, id: x}\n",
    )
    assert desk.configuration.secret_uses() == {"p": ("providers.p.api_key",)}
    await desk.configuration.secrets_changed()
    assert "there is no secret p" in desk.configuration.catalog().models[0].unavailable
    desk.secrets["p"] = "sk-p"
    await desk.configuration.secrets_changed()
    (model,) = desk.configuration.catalog().models
    assert (model.api_key, model.unavailable) == ("sk-p", "")
    assert [change.routes for change, _, _ in desk.applied][-1] == ("m",)


async def test_a_reload_names_rules_and_groups_with_their_section(desk: Desk) -> None:
    desk.save(TWO.replace("reserve: 5", "reserve: 6").replace("exclusive: true", "exclusive: true, most: 2"))
    assert (await desk.configuration.reload(dry_run=True)).changed == ("groups.g", "memory.reserve")


async def test_a_reload_of_the_same_file_changes_nothing_and_names_nothing(desk: Desk) -> None:
    reloaded = await desk.configuration.reload()
    assert reloaded.changed == ()
    assert [bool(change) for change, _, _ in desk.applied] == [False]


async def test_changes_are_named_once_and_server_settings_with_their_section(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.save("server: {port: 4001, drain_timeout: 1s}\nmodels:\n  a: {engine: llamacpp, path: a.gguf}\n")
    reloaded = await desk.configuration.reload()
    assert len(reloaded.changed) == len(set(reloaded.changed))
    assert {"a", "b", "x", "server.port"} <= set(reloaded.changed)
    assert "a restart is needed for: server.port" in caplog.text
    assert (
        [problem.message for problem in reloaded.warnings]
        == [warning.message for warning in desk.read().warnings]
        != []
    )


async def test_a_refused_reload_keeps_the_old_one_and_says_stale(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    before = desk.configuration.catalog()
    desk.save(BAD)
    with pytest.raises(ConfigError) as caught:
        await desk.configuration.reload()
    assert caught.value.problems[0].line == 2
    catalog = desk.configuration.catalog()
    assert catalog.stale == desk.configuration.stale == str(caught.value)
    assert "config.yaml" in catalog.stale
    assert (catalog.models, catalog.local, catalog.aliases) == (before.models, before.local, before.aliases)
    assert "models" in desk.configuration.shown().tree
    [(change, stale, _)] = desk.applied
    assert not change and stale == catalog.stale, "workers hear that it is stale, and of nothing else"
    event = await desk.event()
    assert (event.kind, event.data) == ("config_refused", {"message": str(caught.value)})
    assert "the old one goes on serving" in caplog.text and "did you mean llamacpp?" in caplog.text


async def test_a_good_file_after_a_bad_one_is_not_stale_even_when_it_is_the_old_one(desk: Desk) -> None:
    desk.save(BAD)
    with pytest.raises(ConfigError):
        await desk.configuration.reload()
    desk.save(TWO)
    assert (await desk.configuration.reload()).changed == ()
    assert desk.configuration.stale == desk.configuration.catalog().stale == ""
    assert [stale == "" for _, stale, _ in desk.applied] == [False, True]


async def test_a_dry_run_tells_and_changes_nothing(desk: Desk) -> None:
    desk.save(CHANGED)
    tried = await desk.configuration.reload(dry_run=True)
    assert (set(tried.changed), tried.dry_run, tried.revision) == ({"a", "b", "x"}, True, 0)
    assert (tried.restarts, tried.adds, tried.removes, tried.needs_new_process) == (("b",), (), (), ())
    assert desk.configuration.catalog().local[0].keep_alive == 60.0
    desk.save(TWO.replace("  b:", "  c:").replace("[a, b]", "[a, c]").replace("{hosts", "{port: 1, hosts"))
    tried = await desk.configuration.reload(dry_run=True)
    assert (tried.restarts, tried.adds, tried.removes) == ((), ("c",), ("b",))
    assert tried.needs_new_process == ("server.port",)
    desk.save(BAD)
    with pytest.raises(ConfigError):
        await desk.configuration.reload(dry_run=True)
    assert desk.configuration.stale == ""
    desk.events.close()
    assert (desk.applied, [event async for event in desk.heard]) == ([], [])


async def test_a_check_tells_problems_and_warnings_and_changes_nothing(desk: Desk) -> None:
    checked = await desk.configuration.check()
    assert (checked.ok, checked.path, checked.problems) == (True, str(desk.path), ())
    assert [warning.path for warning in checked.warnings] == ["models.a.path", "models.b.path"]
    desk.save(BAD)
    checked = await desk.configuration.check()
    assert (checked.ok, [problem.line for problem in checked.problems]) == (False, [2])
    assert desk.applied == [] and desk.configuration.stale == ""


async def test_a_check_of_a_file_that_is_gone_says_so(desk: Desk) -> None:
    assert desk.path is not None
    desk.path.unlink()
    checked = await desk.configuration.check()
    assert not checked.ok
    assert "there is no configuration file" in checked.problems[0].message


@pytest.mark.parametrize(
    "ask",
    [
        lambda configuration: configuration.check(),
        lambda configuration: configuration.reload(),
        lambda configuration: configuration.reload(dry_run=True),
    ],
)
async def test_without_a_file_there_is_nothing_to_read(nowhere: Desk, ask: Callable[[Configuration], object]) -> None:
    with pytest.raises(ConfigError, match="glowplug up --config FILE"):
        await ask(nowhere.configuration)  # type: ignore[misc]
    await asyncio.wait_for(nowhere.configuration.watch(), 5)
    assert nowhere.configuration.path is None
    assert nowhere.configuration.catalog().models == ()


async def test_a_saved_file_is_followed_bad_ones_too(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    saved: list[Reloaded] = []

    async def note(what: Reloaded) -> None:
        saved.append(what)

    watching = asyncio.ensure_future(desk.configuration.watch(note))
    await asyncio.sleep(0)
    desk.save(BAD)
    assert (await desk.event()).kind == "config_refused"
    assert desk.configuration.stale
    desk.save(CHANGED)
    assert (await desk.event()).kind == "config"
    await until(lambda: desk.configuration.catalog().local[0].keep_alive == 120.0)
    assert desk.configuration.stale == ""
    assert "configuration reloaded: b, a, x" in caplog.text
    await until(lambda: bool(saved))
    assert [what.changed for what in saved] == [("b", "a", "x")], "a refused file changes nothing"
    assert (saved[0].before, saved[0].revision) == (41, 42), "and is a revision of its own, which says that it is stale"
    desk.save(TWO)
    await desk.configuration.reload()
    assert (await desk.event()).kind == "config"
    assert len(saved) == 1, "whoever asks for a reload writes it down"
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


def test_what_is_shown_has_no_secret(tmp_path: Path) -> None:
    text = "providers:\n  p: {base_url: 'https://p/v1', api_key: '${KEY}'}\nmodels:\n  m: {provider: p, id: x}\n"
    desk = Desk(tmp_path / "c.yaml", text, KEY="sk-hunter2")
    assert desk.configuration.catalog().models[0].api_key == "sk-hunter2"
    shown = desk.configuration.shown()
    assert shown.path == str(desk.path)
    assert "hunter2" not in str(shown) and "${KEY}" in str(shown)
