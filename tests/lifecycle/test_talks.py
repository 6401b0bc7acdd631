"""What a slot says to its engine, with a server that listens and a program that lists its flags."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from glowplug.domain.footprint import Place
from glowplug.domain.instance import Endpoint
from glowplug.domain.model import LocalModel
from glowplug.engines.base import Request, Sleeping
from glowplug.engines.programs import FlagCatalogue
from glowplug.launchers.base import LaunchSpec
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Event
from glowplug.lifecycle.logs import LogBook
from glowplug.lifecycle.talks import Talks
from glowplug.testing.clock import VirtualClock
from tests.lifecycle.fakes import MODEL, FakeLauncher, FakeProcess, Scripted
from tests.waiting import until


class Sleeper(Scripted):
    """An engine that can sleep when its build lists the flag."""

    help_argument = "--help"

    def sleeping(self, model: LocalModel, known: frozenset[str] | None = None) -> Sleeping | None:
        if known is None or "--sleep" not in known:
            return None
        return Sleeping((Request("POST", "/sleep"),), (Request("POST", "/wake_up"),))


class Tenancy:
    place = Place()
    asleep = False

    def before_sleep(self) -> None:
        pass

    def still_held(self, residual: float) -> str:
        return ""

    def fell_asleep(self) -> None:
        self.asleep = True


@dataclass
class Kit:
    clock: VirtualClock = field(default_factory=VirtualClock)
    launcher: FakeLauncher = field(default_factory=FakeLauncher)
    catalogue: FlagCatalogue = field(default_factory=FlagCatalogue)


class Slot:
    def __init__(self, directory: Path, endpoint: Endpoint, flag: str) -> None:
        program = directory / "program.py"
        program.write_text(f"print('usage: program [{flag}]\\n  {flag}   sleep\\n  --port N   where')\n")
        self.kit, self.engine, self.tenancy = Kit(), Sleeper(), Tenancy()
        self.model = msgspec.structs.replace(MODEL, command=(sys.executable, str(program)))
        self.log = LogBook(directory / "log")
        self.endpoint = endpoint
        self.running: FakeProcess | None = FakeProcess(LaunchSpec("i", ("x",), {}, directory / "log"), 7, print)
        self.posted: list[Event] = []
        self.talks = Talks(self)  # type: ignore[arg-type]

    def known_flags(self) -> frozenset[str] | None:
        return self.kit.catalogue.flags(self.model.command)

    def post(self, event: Event) -> None:
        self.posted.append(event)


@pytest.fixture
async def heard() -> AsyncIterator[tuple[Endpoint, list[str]]]:
    """A server that answers everything with 200, and what it was asked."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0].decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield Endpoint(instance="i", model="chat-x", host="127.0.0.1", port=port, key="k"), asked


async def test_an_engine_that_was_adopted_is_woken_although_its_program_was_never_asked_for_its_flags(
    tmp_path: Path, heard: tuple[Endpoint, list[str]]
) -> None:
    slot = Slot(tmp_path, heard[0], "--sleep")
    slot.talks.wake()
    await until(lambda: slot.posted)
    assert slot.posted == [ev.Woken(None)]
    assert [line.split()[:2] for line in heard[1]] == [["POST", "/wake_up"]]
    slot.talks.sleep()
    await until(lambda: len(slot.posted) == 2)
    assert slot.posted[1] == ev.FellAsleep("") and slot.tenancy.asleep


async def test_one_that_was_adopted_sleeps_too(tmp_path: Path, heard: tuple[Endpoint, list[str]]) -> None:
    slot = Slot(tmp_path, heard[0], "--sleep")
    slot.talks.sleep()
    await until(lambda: slot.posted)
    assert slot.posted == [ev.FellAsleep("")]


async def test_a_build_that_cannot_says_so(tmp_path: Path, heard: tuple[Endpoint, list[str]]) -> None:
    slot = Slot(tmp_path, heard[0], "--no-sleep")
    slot.talks.wake()
    await until(lambda: slot.posted)
    (event,) = slot.posted
    assert isinstance(event, ev.Woken) and event.failure is not None and "cannot wake up" in event.failure.message
    slot.talks.sleep()
    assert slot.posted[1] == ev.FellAsleep("this version cannot sleep")
    assert heard[1] == []


async def test_what_was_forgotten_while_its_program_was_asked_is_not_spoken_to(
    tmp_path: Path, heard: tuple[Endpoint, list[str]]
) -> None:
    slot = Slot(tmp_path, heard[0], "--sleep")
    slot.talks.wake()
    slot.running = None
    await until(lambda: slot.known_flags())
    await asyncio.gather(*slot.talks._tasks)
    assert slot.posted == [] and heard[1] == []
