"""Renaming while requests run: nobody is told that there is no such model, and no stream breaks."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import Installation, until


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, weights: Path) -> Installation:
    installation = install_shared()
    installation.write(f"""
server: {{workers: 2}}
{engines()}
{provider(the_cloud)}
models:
  cloud-0: {{provider: cloud, id: stand-in}}
  here-0: {{engine: llamacpp, path: {weights / "chat.gguf"}, args: [--tokens, "3"]}}
aliases:
  chat: {{targets: [cloud-0]}}
""")
    installation.start()
    return installation


@contextmanager
def asked_for_ever(served: Installation, *names: str) -> Iterator[Counter[tuple[str, str]]]:
    """Somebody who asks these names, plain and streamed, again and again: how often, by name and what came of it."""
    seen: Counter[tuple[str, str]] = Counter()
    enough = threading.Event()

    def ask(name: str, streamed: bool) -> None:
        while not enough.is_set():
            if streamed:
                with served.stream(name) as stream:
                    good = stream.status == 200 and stream.rest().done
                    seen[name, "stream" if good else f"{stream.status} {stream.events[-1:]}"] += 1
            else:
                answer = served.chat(name)
                seen[name, "plain" if answer.status == 200 else f"{answer.status} {answer.body!r}"] += 1

    threads = [threading.Thread(target=ask, args=(name, kind)) for name in names for kind in (True, False)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def more(seen: Counter[tuple[str, str]], names: tuple[str, ...]) -> None:
    """Until everybody was answered once more."""
    before = Counter(seen)

    def answered() -> bool:
        return all(seen[name, kind] > before[name, kind] for name in names for kind in ("plain", "stream"))

    until("everybody was answered again", answered)


@pytest.mark.parametrize(("first", "clients"), [("cloud", ("cloud-0", "chat")), ("here", ("here-0",))])
def test_no_request_fails_while_models_are_renamed(served: Installation, first: str, clients: tuple[str, ...]) -> None:
    with asked_for_ever(served, *clients) as seen:
        more(seen, clients)
        for number in range(4):
            served.admin("rename", "POST", {"old": f"{first}-{number}", "new": f"{first}-{number + 1}"})
            more(seen, clients)
    assert {kind for _, kind in seen} == {"plain", "stream"}, seen
    answer = served.chat(f"{first}-0")
    assert answer.model == f"{first}-4"
    assert answer.headers["x-glowplug-deprecated"] == f"use {first}-4"
    assert "deprecation" not in served.chat(f"{first}-4").headers


def test_what_the_command_line_adds_is_served_at_once(served: Installation, the_cloud: Cloud) -> None:
    served.env["CLOUD_KEY"] = "sk-cloud"
    served.cli("providers", "add", "lab", "--base-url", the_cloud.base_url, "--from-env", "CLOUD_KEY")
    served.cli("models", "add", "chat-lab", "--provider", "lab", "--id", "stand-in", "--dry-run")
    assert served.chat("chat-lab").status == 404
    served.cli("models", "add", "chat-lab", "--provider", "lab", "--id", "stand-in")
    served.cli("aliases", "set", "fresh", "chat-lab")
    until("it is served", lambda: served.chat("fresh").status == 200)
    assert served.chat("fresh").model == "chat-lab"
    refused = served.cli("models", "remove", "chat-lab", check=False)
    assert (refused.returncode, "there is no model chat-lab" in refused.stderr) == (1, True), refused.stderr
    assert "fresh" in served.cli("aliases", "list").stdout
    served.cli("rename", "chat-lab", "chat-stand-in-lab")
    assert json.loads(served.cli("names", "--deprecated", "--json").stdout)["data"][-1]["name"] == "chat-lab"
    for words in (
        ("aliases", "remove", "fresh"),
        ("aliases", "remove", "chat-lab"),
        ("models", "remove", "chat-stand-in-lab"),
    ):
        served.cli(*words)
    served.cli("providers", "remove", "lab")
    assert json.loads(served.cli("secrets", "list", "--json").stdout)["data"] == []
    until("it is gone", lambda: served.chat("fresh").status == 404)


def test_an_alias_is_renamed_under_load(served: Installation) -> None:
    with asked_for_ever(served, "chat") as seen:
        more(seen, ("chat",))
        served.admin("rename", "POST", {"old": "chat", "new": "talk"})
        more(seen, ("chat",))
    assert {kind for _, kind in seen} == {"plain", "stream"}, seen
    assert "deprecation" in served.chat("chat").headers
    assert "deprecation" not in served.chat("talk").headers
