from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from glowplug.doctor import registry
from tests.control.conftest import Control
from tests.doctor.museum import Machine
from tests.doctor.server import serve_litellm

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


@pytest.fixture
def litellm(tmp_path: Path) -> Iterator[Machine]:
    """One that runs, and takes the key of the examples."""
    machine = Machine(tmp_path / "machine")
    serve_litellm(machine, {"/v1/models": {}, "/health/readiness": {}}, keys=("sk-admin", "sk-1234"))
    yield machine
    machine.close()


async def test_a_litellm_is_examined_and_repaired_when_that_is_said(
    admin: httpx.AsyncClient, pepper: Path, litellm: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "ROWS", (*registry.ROWS, ("litellm_answers", "Answers")))
    assert litellm.site.litellm is not None
    theirs = {"url": litellm.site.litellm.url, "url_key": "sk-admin", "keys": ["sk-salt"]}
    found = await admin.post("/admin/doctor/litellm", json={"litellm": theirs})
    (looked,) = found.json()["checks"]
    assert "sk-1234" in looked["findings"][0]["summary"] and "sk-admin" not in found.text
    asked = {"litellm": theirs, "checks": ["machine"], "dry_run": False}
    (done,) = (await admin.post("/admin/doctor/litellm", json=asked)).json()["repaired"]
    assert mode(pepper) == 0o600
    undo = f"/admin/doctor/litellm/repairs/{done['undo']}/undo"
    assert (await admin.post(undo, json={"litellm": theirs})).json()["undone"] == done["done"]
    assert mode(pepper) == 0o644


@pytest.mark.parametrize("theirs", [{}, {"keys": ["x"]}, {"url": "localhost:4000"}, {"url": 5}])
async def test_one_that_is_none(admin: httpx.AsyncClient, pepper: Path, theirs: dict[str, object]) -> None:
    assert (await admin.post("/admin/doctor/litellm", json={"litellm": theirs})).status_code == 400
