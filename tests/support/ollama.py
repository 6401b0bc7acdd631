"""A fake Ollama daemon for a test: started, waited for, and ended with all its runners."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from glowplug.lifecycle.ports import free_port

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "glowplug.testing.fake_ollama", "serve")
PATIENCE_S = 20.0
LIBRARY = "mistral:7b=400,qwen3:4b=300:think:tools,moondream=100:vision,nomic-embed-text=50:embed:2048"


def environment(port: int, **more: str) -> dict[str, str]:
    """The environment in which the fake finds this checkout and its library."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OLLAMA_")}
    ours = {"PYTHONPATH": str(ROOT / "src"), "OLLAMA_HOST": f"127.0.0.1:{port}", "FAKE_OLLAMA_MODELS": LIBRARY}
    return {**clean, **ours, **more}


class Daemon:
    """A running fake."""

    def __init__(self, log: Path, **env: str) -> None:
        self.port = free_port()
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                COMMAND, env=environment(self.port, **env), stdout=file, stderr=file, start_new_session=True
            )
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=PATIENCE_S)

    async def listening(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while "Listening on" not in self.log.read_text():
                assert self.process.poll() is None, self.log.read_text()
                await asyncio.sleep(0.01)

    async def get(self, path: str) -> Any:
        return (await self.client.get(path)).json()

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def state(self) -> Any:
        """What happened: loads, reloads, runners, received."""
        return await self.get("/fake/state")

    async def loaded(self) -> list[str]:
        return [entry["name"] for entry in (await self.get("/api/ps"))["models"]]

    async def close(self) -> None:
        await self.client.aclose()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait)


@asynccontextmanager
async def daemon(folder: Path, **env: str) -> AsyncIterator[Daemon]:
    """A fake that listens, for the length of the block."""
    running = Daemon(folder / "fake-ollama.log", **env)
    try:
        await running.listening()
        yield running
    finally:
        await running.close()
