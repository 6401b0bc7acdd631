"""The ledger is exact: sums equal what the upstream counted, and kill -9 neither loses nor doubles an answer."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glowplug.testing.provider_replies import reply_to
from tests.e2e.cloud import Cloud, cloud
from tests.e2e.conftest import Install, engines
from tests.e2e.installation import Installation, question, until

KILLS = int(os.environ.get("E2E_KILLS", "25"))
"""How many workers are killed under load; set it to 200 to be surer."""
WORKERS = 4
CLIENTS = 3


@pytest.fixture(scope="module")
def silent() -> Iterator[Cloud]:
    """A provider that reports no usage."""
    with cloud(api_key="sk-cloud", usage=False) as provider:
        yield provider


@pytest.fixture(scope="module")
def served(install_shared: Install, the_cloud: Cloud, silent: Cloud, weights: Path) -> Installation:
    installation = install_shared()
    installation.write(f"""
{engines()}
server: {{workers: {WORKERS}}}
providers:
  cloud: {{base_url: "{the_cloud.base_url}", api_key: sk-cloud}}
  silent: {{base_url: "{silent.base_url}", api_key: sk-cloud}}
  down: {{base_url: "http://127.0.0.1:9", api_key: x}}
models:
  chat-cloud: {{provider: cloud, id: stand-in}}
  chat-silent: {{provider: silent, id: stand-in}}
  chat-down: {{provider: down, id: stand-in}}
  chat-fake: {{engine: llamacpp, path: {weights / "chat.gguf"}}}
aliases:
  chat: {{targets: [chat-down, chat-cloud]}}
""")
    installation.start()
    return installation


def counted(the_cloud: Cloud) -> Counter[str]:
    """What the provider would bill for every request that reached it."""
    total: Counter[str] = Counter()
    for request in the_cloud.provider.requests:
        body, events = reply_to(request.path, request.json, the_cloud.provider.behaviour)
        usage = list(events)[-1]["usage"] if events is not None else body["usage"]
        total["prompt_tokens"] += usage["prompt_tokens"]
        total["completion_tokens"] += usage.get("completion_tokens", 0)
        total["attempts"] += 1
    return total


def test_usage_equals_what_the_upstream_counted(served: Installation, the_cloud: Cloud) -> None:
    keys = {name: served.cli("keys", "create", name).stdout.strip() for name in ("ann", "bob")}
    for number, (_, key) in zip(range(6), itertools.cycle(keys.items()), strict=False):
        more: dict[str, Any] = {"stream_options": {"include_usage": True}} if number % 2 else {}
        assert (
            served.stream("chat-cloud", f"hello {'again ' * number}", key=key, max_tokens=3 + number, **more)
            .rest()
            .done
        )
        body = question("chat", f"a failover {number}", max_tokens=4)
        answer = served.call("POST", "/v1/chat/completions", body, key=key)
        assert answer.status == 200, answer.body
        assert (answer.status, answer.headers["x-glowplug-attempts"]) == (200, "2")
    with the_cloud.changed(event_gap=0.01), served.stream("chat-cloud", "I leave", key=keys["bob"]) as stream:
        assert stream.next() is not None
    embedded = served.call("POST", "/v1/embeddings", {"model": "chat-cloud", "input": ["a b c", "d"]}, key=keys["ann"])
    assert embedded.json["usage"]["prompt_tokens"] == 4
    tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    served.call("POST", "/v1/chat/completions", question("chat-cloud", "rain?", tools=[tool]), key=keys["ann"])
    until("nothing is open", lambda: sum(row["open"] for row in served.admin("usage")["data"]) == 0)

    expected = counted(the_cloud)
    rows = served.admin("usage?by=model,key,day")["data"]
    mine = [row for row in rows if row["model"] == "chat-cloud"]
    for column in ("prompt_tokens", "completion_tokens", "attempts"):
        assert sum(row[column] for row in mine) == expected[column], column
    assert sum(row["estimated"] for row in mine) == 0
    ids = {row["name"]: row["id"] for row in served.admin("keys")["data"]}
    assert {row["key"] for row in mine} == {ids["ann"], ids["bob"]}
    assert {row["day"] for row in mine} <= {time.strftime("%Y-%m-%d", time.gmtime(time.time() - s)) for s in (0, 86400)}
    down = [row for row in rows if row["model"] == "chat-down"]
    assert sum(row["attempts"] for row in down) == sum(row["failed"] for row in down) == 6
    assert sum(row["completion_tokens"] for row in down) == 0
    (total,) = served.admin("usage?by=")["data"]
    assert total["attempts"] == expected["attempts"] + 6
    shown = served.cli("usage").stdout
    assert "chat-cloud" in shown


def test_a_provider_without_usage_is_counted_and_marked(served: Installation) -> None:
    assert served.chat("chat-silent").status == 200
    assert served.stream("chat-silent").rest().done
    (row,) = [row for row in served.admin("usage?by=model")["data"] if row["model"] == "chat-silent"]
    assert (row["attempts"], row["estimated"]) == (2, 2)
    assert row["completion_tokens"] > 10
    assert row["prompt_tokens"] > 0


# ---- kill -9 under load


@dataclass
class Sent:
    """One request of a client under fire."""

    identity: str
    words: int
    tokens: int
    streamed: bool
    complete: bool = False


class Client(threading.Thread):
    """Asks until it is told to stop, each request with its own id, and notes which answers came whole."""

    def __init__(self, installation: Installation, name: str) -> None:
        super().__init__(daemon=True)
        self.installation = installation
        self.label = name
        self.stopping = threading.Event()
        self.sent: list[Sent] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        for number in itertools.count():
            if self.stopping.is_set():
                return
            sent = Sent(f"{self.label}-{number}", 1 + number % 7, 1 + number % 11, number % 3 != 0)
            self.sent.append(sent)
            try:
                self.ask(sent)
            except (OSError, http.client.HTTPException):
                continue  # the worker that had it is gone

    def ask(self, sent: Sent) -> None:
        text, headers = " ".join(["word"] * sent.words), {"x-request-id": sent.identity}
        if sent.streamed:
            with self.installation.stream("chat-cloud", text, headers=headers, max_tokens=sent.tokens) as stream:
                stream.rest()
            self.note(sent, stream.status, stream.done)
        else:
            answer = self.installation.chat("chat-cloud", text, headers=headers, max_tokens=sent.tokens)
            self.note(sent, answer.status, True)

    def note(self, sent: Sent, status: int, whole: bool) -> None:
        if status == 200:
            sent.complete = whole
        else:
            self.wrong.append(f"{sent.identity}: {status}")


def kill_workers(installation: Installation, count: int) -> None:
    """Kill the eldest worker again and again, whenever another one is there to go on."""
    for _ in range(count):
        workers = until("two workers run", lambda: found if len(found := running(installation)) > 1 else None)
        os.kill(workers[0], signal.SIGKILL)
        time.sleep(0.05)  # not waiting for anything: spreads the kills over what the clients are doing


def running(installation: Installation) -> list[int]:
    """Workers that have joined, eldest first."""
    try:
        workers = installation.admin("status")["workers"]
    except (OSError, http.client.HTTPException, AssertionError):
        return []  # asked through a worker that was just killed
    return [row["pid"] for row in sorted(workers, key=lambda row: float(row["since"])) if row["connected"]]


@pytest.mark.timeout(60 + 5 * KILLS)
def test_kill_9_loses_and_doubles_nothing(served: Installation, the_cloud: Cloud) -> None:
    the_cloud.change(event_gap=0.002)
    clients = [Client(served, f"client{number}") for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        kill_workers(served, KILLS)
    finally:
        for client in clients:
            client.stopping.set()
        for client in clients:
            client.join(30)
        the_cloud.change(event_gap=0.0)
    until(
        "what the killed workers left open is settled",
        lambda: sum(row["open"] for row in served.admin("usage")["data"]) == 0,
        pause=0.2,
    )
    rows = [row for row in served.ledger() if row["request"].startswith("client")]
    times = Counter(row["request"] for row in rows)
    by_request = {row["request"]: row for row in rows}
    sent = [one for client in clients for one in client.sent]
    complete = [one for one in sent if one.complete]
    assert [client.wrong for client in clients] == [[]] * CLIENTS
    assert len(complete) > KILLS, "too little load to prove anything"
    lost = [one for one in complete if by_request.get(one.identity, {}).get("outcome") != "ok"]
    wrong = [
        one
        for one in complete
        if one not in lost
        and (by_request[one.identity]["prompt_tokens"], by_request[one.identity]["completion_tokens"])
        != (one.words, one.tokens)
    ]
    assert lost == []
    assert wrong == []
    assert [request for request, count in times.items() if count > 1] == [], "counted twice"
    assert {row["state"] for row in rows} <= {"closed", "interrupted"}
    interrupted = [row for row in rows if row["state"] == "interrupted"]
    assert interrupted, "no kill hit a running request"
    assert all(row["outcome"] == "interrupted" and row["estimated"] for row in interrupted)
    assert not {row["request"] for row in interrupted} & {one.identity for one in complete}
    assert set(times) <= {one.identity for one in sent}
    print(f"{KILLS} kills, {len(sent)} requests, {len(complete)} complete, {len(interrupted)} interrupted")
    sums = json.loads(served.cli("usage", "--json", "--by", "model").stdout)["data"]
    assert sum(row["attempts"] for row in sums) == len(served.ledger())
