from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from glowplug.domain.instance import State
from tests.control.conftest import Control
from tests.control.serving import served


async def test_start_stop_and_rows(control: Control, admin: httpx.AsyncClient) -> None:
    assert (await admin.post("/admin/models/local/start?dry_run=1")).json()["state"] == "stopped"
    assert (await admin.post("/admin/models/local/start")).json()["state"] == "loading"
    control.manager.go.set()
    started = (await admin.post("/admin/models/local/start?wait=5")).json()
    assert (started["state"], started["keep_alive"]) == ("ready", None)
    [row] = (await admin.get("/admin/instances")).json()["data"]
    assert row == started
    names = [(r["kind"], r["name"]) for r in (await admin.get("/admin/models")).json()["data"]]
    assert names == [("model", "local"), ("model", "cloud"), ("model", "unset"), ("alias", "chat-default")]
    assert (await admin.post("/admin/models/local/stop?force=1")).json()["state"] == "stopped"
    assert control.manager.stopped == [("local", True)]


async def test_a_failure_tells_reason_and_log(control: Control, admin: httpx.AsyncClient) -> None:
    control.manager.failing = True
    control.manager.go.set()
    answer = await admin.post("/admin/models/local/start?wait=5")
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["code"], error["reason"], error["log_tail"]) == ("engine_failed", "bad_flag", ["last line"])
    assert control.manager.state is State.FAILED


async def test_what_is_not_a_local_model(admin: httpx.AsyncClient) -> None:
    for verb in ("start", "stop"):
        assert (await admin.post(f"/admin/models/nobody/{verb}")).status_code == 404
        assert (await admin.post(f"/admin/models/cloud/{verb}")).status_code == 409
    assert (await admin.get("/admin/models/..%2f..%2fpasswd/logs")).status_code == 404


async def test_names_with_slashes(admin: httpx.AsyncClient) -> None:
    for method, verb in (("POST", "start"), ("POST", "stop"), ("GET", "logs")):
        error = (await admin.request(method, f"/admin/models/org%2Fnobody/{verb}")).json()["error"]
        assert (error["code"], "'org/nobody'" in error["message"]) == ("model_not_found", True), error


async def test_logs(control: Control, admin: httpx.AsyncClient) -> None:
    empty = await admin.get("/admin/models/local/logs")
    assert (empty.status_code, empty.content) == (200, b"")
    (control.directory / "local.log").write_text("one\ntwo\nthree\n")
    answer = await admin.get("/admin/models/local/logs?lines=2")
    assert (answer.text, answer.headers["content-type"]) == ("two\nthree\n", "text/plain; charset=utf-8")
    assert (await admin.get("/admin/models/local/logs?lines=10001")).status_code == 400


async def test_a_followed_log_grows_at_the_client(control: Control, tmp_path: Path) -> None:
    log = control.directory / "local.log"
    log.write_text("one\n")
    async with (
        served(control, tmp_path / "c.sock") as client,
        client.stream("GET", "/admin/models/local/logs?follow=1&lines=5") as response,
    ):
        text = response.aiter_text()
        assert await asyncio.wait_for(anext(text), 5) == "one\n"
        with log.open("a") as file:
            file.write("two\n")
        assert await asyncio.wait_for(anext(text), 5) == "two\n"


async def test_what_loads_of_a_model_took(admin: httpx.AsyncClient) -> None:
    (run,) = (await admin.get("/admin/models/local/runs")).json()["data"]
    assert (run["estimate_device"], run["measured_device"], run["error"], run["source"]) == (
        3 << 30,
        2 << 30,
        0.5,
        "engine",
    )
    assert (await admin.get("/admin/models/org/name/runs")).status_code == 404
    assert (await admin.get("/admin/models/cloud/runs")).status_code == 409
