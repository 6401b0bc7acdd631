"""The fake Ollama as a program."""

from __future__ import annotations

import asyncio
import math
import os
import signal
from pathlib import Path

import pytest

from glowplug.launchers import procfs
from glowplug.testing import fake_ollama
from tests.engines.test_ollama_library import library
from tests.support.ollama import Daemon, daemon
from tests.waiting import until


def test_its_library_is_given_or_found(tmp_path: Path) -> None:
    given = fake_ollama.library({"FAKE_OLLAMA_MODELS": "mistral:7b=400, nomic=50:embed:2048,"})
    assert [(m.name, m.size >> 20, m.capabilities, m.context) for m in given.values()] == [
        ("mistral:7b", 400, ["completion"], 131_072),
        ("nomic", 50, ["embedding"], 2048),
    ]
    library(tmp_path)
    found = fake_ollama.library({"OLLAMA_MODELS": str(tmp_path)})
    assert [(m.name, m.size) for m in found.values()] == [("mistral:7b", 1000 + 24 + 7)]
    assert fake_ollama.library({}) == {}


def test_ollamas_own_variables_count() -> None:
    terms = fake_ollama.terms(
        {"OLLAMA_KEEP_ALIVE": "-1", "OLLAMA_MAX_LOADED_MODELS": "0", "FAKE_OLLAMA_DEVICE_MIB": "1"}
    )
    assert (terms.keep_alive, terms.most, terms.context, terms.device) == (math.inf, 3, 4096, 1 << 20)
    assert fake_ollama.terms({}).keep_alive == 300
    assert fake_ollama.talk({"OLLAMA_NO_CLOUD": "1"}).cloud is False and fake_ollama.talk({}).cloud is True


def test_it_has_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert fake_ollama.main(["list"]) == 2
    assert "serve" in capsys.readouterr().err


async def test_a_taken_address_ends_it(tmp_path: Path) -> None:
    async with daemon(tmp_path) as first:
        second = Daemon(tmp_path / "second.log", OLLAMA_HOST=f"127.0.0.1:{first.port}")
        assert await asyncio.to_thread(second.process.wait, 20) == 1
        assert "address already in use" in second.log.read_text()
        await second.close()


async def test_in_an_orderly_end_it_takes_its_runners_along(tmp_path: Path) -> None:
    async with daemon(tmp_path) as fake:
        await fake.post("/api/generate", model="mistral:7b", keep_alive=-1)
        [runner] = (await fake.state())["runners"].values()
        fake.process.terminate()
        assert await asyncio.to_thread(fake.process.wait, 20) == 0
        assert procfs.read_stat(runner) is None


async def test_killed_it_leaves_them_behind(tmp_path: Path) -> None:
    async with daemon(tmp_path) as fake:
        await fake.post("/api/generate", model="mistral:7b", keep_alive=-1)
        [runner] = (await fake.state())["runners"].values()
        fake.process.kill()
        await asyncio.to_thread(fake.process.wait, 20)
        stat = procfs.read_stat(runner)
        assert stat is not None and not stat.dead
        os.kill(runner, signal.SIGKILL)
        await until(lambda: (left := procfs.read_stat(runner)) is None or left.dead)
