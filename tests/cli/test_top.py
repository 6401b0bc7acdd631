from __future__ import annotations

from collections.abc import Callable, Sequence

from glowplug.cli import top_facts
from glowplug.cli.client import Address, Client
from glowplug.cli.top import Watch
from tests.cli.conftest import Glowplug
from tests.cli.fake_server import ADMIN, FakeServer, Running


class Played:
    """A terminal with keys that are pressed one after the other, and all pictures it was shown."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.shown: list[str] = []

    def size(self) -> tuple[int, int]:
        return 100, 24

    def paint(self, lines: Sequence[str]) -> None:
        self.shown.append("\n".join(lines))

    def key(self, patience: float) -> str:
        return self.keys.pop(0) if self.keys else "q"


def at_once(work: Callable[[], None]) -> None:
    work()


def watched(running: Running, *keys: str) -> Played:
    client, screen = Client(Address(running.url, ADMIN)), Played(*keys)
    Watch(client, screen, top_facts.facts(client), beside=at_once, now=lambda: 0.0).run(1.0)
    return screen


def test_keys_choose_load_and_unload(running: Running, server: FakeServer) -> None:
    screen = watched(running, "down", "down", "l", "", "down", "u", "")
    asked = [path for method, path, _ in server.seen if method == "POST" and "/models/" in path]
    assert asked == ["/admin/models/chat-c-llamacpp/start?wait=0", "/admin/models/chat-a-llamacpp/stop"]
    assert "> chat-c-llamacpp" in screen.shown[2] and "chat-c-llamacpp …" in screen.shown[3]
    assert any("loading chat-c-llamacpp" in shown for shown in screen.shown)
    assert "unloaded chat-a-llamacpp" in screen.shown[-1]


def test_what_fails_is_a_message_and_the_picture_goes_on(running: Running, server: FakeServer) -> None:
    screen = watched(running, "down", "l", "", "d", "x", "")
    assert "chat-b-llamacpp" in screen.shown[-1]
    server.instances.clear()
    assert "no local model is configured" in watched(running, "down", "u", "").shown[-1]


def test_a_server_that_goes_is_told_in_the_picture(running: Running, server: FakeServer) -> None:
    client, screen = Client(Address(running.url, ADMIN)), Played("", "")
    first = top_facts.facts(client)
    Watch(Client(Address("http://127.0.0.1:9", "")), screen, first, beside=at_once, now=lambda: 0.0).run(1.0)
    assert "nothing answers" in screen.shown[-1] and "chat-a-llamacpp" in screen.shown[-1]


def test_once_and_json_are_plain(glowplug: Glowplug, server: FakeServer) -> None:
    said = glowplug("top", "--once")
    assert said.code == 0 and "chat-a-llamacpp" in said.out and "\x1b" not in said.out
    assert glowplug("top").out.splitlines()[3:] == said.out.splitlines()[3:], "a pipe is no terminal"
    document = glowplug("top", "--json").document
    assert document["data"][0]["model"] == "chat-a-llamacpp" and "findings" in document
