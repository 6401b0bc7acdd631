"""The configuration file as text, over a real file, the real reader and a real audit log."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.config.load import Loaded, load
from glowplug.control.configuration import Configuration
from glowplug.control.events import Broadcaster
from glowplug.engines.catalogue import Catalogue
from glowplug.errors import ConfigError, Conflict, NotFound, StoreError
from glowplug.store.database import Database
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.config_file import ConfigFile, Edit
from tests.still_clock import StillClock
from tests.usecases.people import ROOT

FILE = """\
providers:
  far: {base_url: "https://far.example/v1", api_key: sk-literal}
models:
  a: {engine: llamacpp, path: a.gguf, keep_alive: 1m}   # mine
"""


class Desk:
    def __init__(self, path: Path | None, database: Database, text: str = FILE, **env: str) -> None:
        self.path = path
        if path is not None:
            path.write_text(text)
        self.env = {"HOME": "/h"}
        clock = StillClock()
        self.log = ChangeLog(database, clock, lambda: 1e9)
        loaded = Loaded.empty(env=self.env, engines=Catalogue()) if path is None else self._load(path)
        self.configuration = Configuration(
            loaded, workers=1, env=self.env, engines=Catalogue(), events=Broadcaster(), clock=clock
        )
        self.file = ConfigFile(self.configuration, clock, self.log)

    def _load(self, path: Path) -> Loaded:
        return load(path, env=self.env, engines=Catalogue())

    async def edit(self, old: str, new: str) -> Edit:
        shown = await self.file.read()
        assert old in shown.text
        return Edit(text=shown.text.replace(old, new), digest=shown.digest)

    def copies(self) -> list[Path]:
        assert self.path is not None
        return sorted(self.path.parent.glob("*.before-edit-*"))


@pytest.fixture
def desk(tmp_path: Path, database: Database) -> Desk:
    return Desk(tmp_path / "c.yaml", database)


async def test_it_is_shown_without_secrets(desk: Desk) -> None:
    shown = await desk.file.read()
    assert shown.text == FILE.replace("sk-literal", '"***"')
    assert (shown.masked, shown.why_not) == (("providers.far.api_key",), "")


async def test_a_dry_run_says_what_differs_and_what_changes(desk: Desk) -> None:
    seen = await desk.file.write(await desk.edit("1m", "2m"), True)
    assert seen.ok and seen.dry_run and seen.plan is not None
    assert seen.plan.changed == ("a",)
    assert "keep_alive: 1m}   # mine\n+  a: {engine: llamacpp, path: a.gguf, keep_alive: 2m}" in seen.diff
    assert "sk-literal" not in seen.diff
    assert desk.path is not None and desk.path.read_text() == FILE and desk.copies() == []


async def test_what_is_wrong_is_said_with_its_line(desk: Desk) -> None:
    wanted = await desk.edit("llamacpp", "llamacp")
    seen = await desk.file.write(wanted, True)
    assert not seen.ok and [(one.line, one.path) for one in seen.problems] == [(4, "models.a.engine")]
    unread = await desk.file.write(await desk.edit("models:", "models: ["), True)
    assert not unread.ok and unread.problems[0].line
    with pytest.raises(ConfigError):
        await desk.file.write(wanted)
    assert desk.path is not None and desk.path.read_text() == FILE and desk.copies() == []


async def test_it_is_written_kept_noted_and_in_force(desk: Desk) -> None:
    assert desk.path is not None
    desk.path.chmod(0o640)
    done = await desk.file.write(await desk.edit("1m", "2m"), actor=ROOT)
    assert desk.path.read_text() == FILE.replace("1m", "2m"), "the secret is there as it was"
    assert desk.path.stat().st_mode & 0o777 == 0o640
    assert [str(copy) for copy in desk.copies()] == [done.copy]
    assert desk.copies()[0].read_text() == FILE
    assert desk.configuration.catalog().local[0].keep_alive == 120
    [line] = (await desk.log.newest()).data
    assert (line.action, line.noun, line.subject, line.by) == ("update", "config", str(desk.path), ROOT.by)
    assert line.after is not None and line.after["changed"] == ["a"]
    shown = await desk.file.read()
    assert shown.digest == done.digest
    back = await desk.file.write(Edit(text=shown.text.replace("2m", "1m"), digest=done.digest))
    assert back.ok and desk.path.read_text() == FILE


async def test_a_copy_is_put_back_as_it_was(desk: Desk) -> None:
    assert desk.path is not None
    shown = await desk.file.read()
    done = await desk.file.write(Edit(text="models: {}\n", digest=shown.digest))
    with pytest.raises(ConfigError, match="not written into the file"):  # as a text: the secret is gone
        await desk.file.write(Edit(text=shown.text.replace('"***"', "sk-new"), digest=done.digest))
    with pytest.raises(NotFound):
        await desk.file.write(Edit(back_to="0" * 64, digest=done.digest))
    seen = await desk.file.write(Edit(back_to=shown.digest, digest=done.digest), True)
    assert seen.ok and "+models:" in seen.diff and "sk-literal" not in seen.diff
    await desk.file.write(Edit(back_to=shown.digest, digest=done.digest))
    assert desk.path.read_text() == FILE


async def test_what_is_run_is_not_said_from_afar(desk: Desk) -> None:
    wanted = await desk.edit("path: a.gguf", "path: a.gguf, args: [-x]")
    seen = await desk.file.write(wanted, True)
    assert [one.path for one in seen.problems] == ["models.a.args"] and "on the machine" in seen.problems[0].message
    with pytest.raises(ConfigError, match="was not changed"):
        await desk.file.write(wanted)
    assert desk.copies() == []


async def test_the_same_text_is_not_written(desk: Desk) -> None:
    done = await desk.file.write(await desk.edit("1m", "1m"))
    assert done.diff == "" and desk.copies() == [] and not (await desk.log.newest()).data


async def test_a_file_that_was_saved_meanwhile_stays(desk: Desk) -> None:
    assert desk.path is not None
    wanted = await desk.edit("1m", "2m")
    desk.path.write_text(FILE + "# and more\n")
    for dry_run in (True, False):
        with pytest.raises(Conflict, match="changed in the meantime"):
            await desk.file.write(wanted, dry_run)
    assert desk.path.read_text() == FILE + "# and more\n"


async def test_what_cannot_be_noted_does_not_happen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_lines: object) -> None:
        raise StoreError("the database is away")

    monkeypatch.setattr(desk.log, "note", away)
    with pytest.raises(StoreError):
        await desk.file.write(await desk.edit("1m", "2m"))
    assert desk.path is not None and desk.path.read_text() == FILE
    assert desk.configuration.catalog().local[0].keep_alive == 60


async def test_line_ends_stay(tmp_path: Path, database: Database) -> None:
    desk = Desk(None, database)
    path = tmp_path / "dos.yaml"
    path.write_bytes(FILE.replace("\n", "\r\n").encode())
    desk.path = path
    desk.configuration = Configuration(
        load(path, env=desk.env, engines=Catalogue()), workers=1, env=desk.env, engines=Catalogue(),
        events=Broadcaster(), clock=StillClock(),
    )  # fmt: skip
    desk.file = ConfigFile(desk.configuration, StillClock(), None)
    shown = await desk.file.read()
    sent = shown.text.replace("\r\n", "\n").replace("1m", "2m")
    await desk.file.write(Edit(text=sent, digest=shown.digest))
    assert path.read_bytes() == FILE.replace("1m", "2m").replace("\n", "\r\n").encode()


async def test_where_there_is_none_it_says_so(database: Database) -> None:
    desk = Desk(None, database)
    shown = await desk.file.read()
    assert (shown.path, shown.text) == ("", "") and "no configuration file" in shown.why_not
    with pytest.raises(ConfigError):
        await desk.file.write(Edit(text="", digest=""))


async def test_what_is_no_yaml_is_not_shown(desk: Desk) -> None:
    assert desk.path is not None
    desk.path.write_text("providers: {far: {api_key: sk-literal\n")
    shown = await desk.file.read()
    assert shown.text == "" and "line" in shown.why_not and "sk-literal" not in shown.why_not
