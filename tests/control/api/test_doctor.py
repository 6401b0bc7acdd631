from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from glowplug.doctor import registry
from tests.control.conftest import Control

CHECK = "machine-secret-files"


@pytest.fixture
def pepper(control: Control, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A secret that everybody can read; nothing else is looked at."""
    monkeypatch.setattr(registry, "ROWS", (("machine_secret_files", "SecretFiles"),))
    file = control.paths.pepper
    file.write_bytes(b"p" * 32)
    file.chmod(0o644)
    return file


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


async def test_what_it_looks_at(admin: httpx.AsyncClient, pepper: Path) -> None:
    (check,) = (await admin.get("/admin/doctor/checks")).json()["data"]
    assert (check["name"], check["group"], check["slow"]) == (CHECK, "machine", False)


async def test_looked_at_previewed_repaired_undone(admin: httpx.AsyncClient, pepper: Path) -> None:
    found = (await admin.post("/admin/doctor/examine", json={})).json()
    (looked,) = found["checks"]
    assert "pepper.key" in looked["findings"][0]["subject"]
    previewed = (await admin.post("/admin/doctor/repair", json={"checks": [CHECK], "dry_run": True})).json()
    assert previewed["checks"][0]["remedy"]["steps"] and mode(pepper) == 0o644
    (done,) = (await admin.post("/admin/doctor/repair", json={"checks": ["machine"]})).json()["repaired"]
    assert mode(pepper) == 0o600 and len(done["done"]) == 1
    (kept,) = (await admin.get("/admin/doctor/repairs")).json()["data"]
    assert (kept["id"], kept["changes"], kept["undone_at"]) == (done["undo"], 1, None)
    undone = (await admin.post(f"/admin/doctor/repairs/{done['undo']}/undo")).json()
    assert undone["undone"] == done["done"] and mode(pepper) == 0o644
    lines = (await admin.get("/admin/changes")).json()["data"]
    assert [(line["action"], line["noun"], line["subject"]) for line in lines[:2]] == [
        ("undo", "repair", done["undo"]), ("create", "repair", done["undo"]),
    ]  # fmt: skip


async def test_mistakes(admin: httpx.AsyncClient, pepper: Path) -> None:
    assert (await admin.post("/admin/doctor/examine", json={"checks": ["nobody"]})).status_code == 404
    assert (await admin.post("/admin/doctor/examine", json={"check": []})).status_code == 400
    assert (await admin.post("/admin/doctor/repairs/nobody/undo")).status_code == 404
    assert (await admin.get("/admin/doctor/checks?x=1")).status_code == 400


async def test_what_cannot_be_undone_is_said(admin: httpx.AsyncClient, pepper: Path) -> None:
    (done,) = (await admin.post("/admin/doctor/repair", json={})).json()["repaired"]
    os.chmod(pepper, 0o400)
    answer = await admin.post(f"/admin/doctor/repairs/{done['undo']}/undo")
    assert (answer.status_code, "changed by somebody else" in answer.text) == (409, True)
    os.unlink(pepper)
    answer = await admin.post(f"/admin/doctor/repairs/{done['undo']}/undo")
    assert (answer.status_code, "could not be undone" in answer.text) == (409, True)
