from __future__ import annotations

import dataclasses
from pathlib import Path

import httpx
import pytest

from glowplug.config.load import load
from glowplug.control.app import build_app
from glowplug.control.configuration import Configuration
from glowplug.engines.catalogue import Catalogue
from glowplug.usecases.config_file import ConfigFile
from tests.control.conftest import Control

TEXT = "models:\n  a: {engine: llamacpp, path: a.gguf, keep_alive: 1m}\n"


@pytest.fixture
def path(control: Control, tmp_path: Path) -> Path:
    """A file that the admin API has."""
    found = tmp_path / "c.yaml"
    found.write_text(TEXT)
    configuration = Configuration(
        load(found, env={}, engines=Catalogue()), workers=1, env={}, engines=Catalogue(), events=control.events,
        clock=control.clock,
    )  # fmt: skip
    file = ConfigFile(configuration, control.clock, control.changes)
    control.app = build_app(dataclasses.replace(control.services, config_file=file))
    return found


async def test_the_file_is_read_tried_and_written(control: Control, path: Path) -> None:
    async with control.client(control.admin_key) as admin:
        shown = (await admin.get("/admin/config/file")).json()
        assert shown["path"] == str(path)
        wanted = {"text": shown["text"].replace("1m", "2m"), "digest": shown["digest"]}
        tried = (await admin.put("/admin/config/file?dry_run=1", json=wanted)).json()
        assert tried["ok"] and tried["plan"]["changed"] == ["a"]
        assert (await admin.get("/admin/config/file")).json() == shown
        done = (await admin.put("/admin/config/file", json=wanted)).json()
        assert done["copy"].startswith(str(path))
        assert (await admin.get("/admin/config/file")).json()["text"] == wanted["text"]
        again = await admin.put("/admin/config/file", json=wanted)
        assert (again.status_code, again.json()["error"]["code"]) == (409, "file_changed")
        bad = {"text": "models: {a: {engine: no}}", "digest": done["digest"]}
        refused = await admin.put("/admin/config/file", json=bad)
        assert refused.status_code == 422 and refused.json()["error"]["problems"]


async def test_without_a_file_it_says_why(admin: httpx.AsyncClient) -> None:
    assert "no configuration file" in (await admin.get("/admin/config/file")).json()["why_not"]
