"""Saving the configuration while requests run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install, engines, provider
from tests.e2e.installation import Installation, until

Write = Callable[..., None]


@pytest.fixture(scope="module")
def configure(install_shared: Install, the_cloud: Cloud, weights: Path) -> tuple[Installation, Write]:
    installation = install_shared()

    def write(tokens: int = 30, more: str = "", aliases: str = "", drop: bool = False) -> None:
        other = "" if drop else f"  chat-other-fake: {{engine: llamacpp, path: {weights / 'chat.gguf'}}}"
        installation.write(f"""
{engines()}
{provider(the_cloud)}
models:
  chat-long-fake:
    {{engine: llamacpp, path: {weights / "chat.gguf"}, args: [--drip, "0.05", --tokens, "{tokens}"], stop_timeout: 1s}}
{other}
  chat-cloud: {{provider: cloud, id: stand-in}}
{more}
aliases:
  chat: {{targets: [chat-cloud]}}
{aliases}
""")

    write()
    installation.start()
    return installation, write


@pytest.fixture
def served(configure: tuple[Installation, Write]) -> Installation:
    return configure[0]


@pytest.fixture
def write(configure: tuple[Installation, Write]) -> Write:
    return configure[1]


def revision(installation: Installation) -> int:
    return int(installation.admin("status")["revision"])


def test_a_stream_outlives_models_that_come_change_and_go(
    served: Installation, write: Write, the_cloud: Cloud, weights: Path
) -> None:
    assert served.chat("chat-other-fake").status == 200
    (other,) = served.engines("chat-other-fake")
    with served.stream("chat-long-fake") as stream, the_cloud.changed(event_gap=0.03):
        assert stream.next() is not None
        (long,) = served.engines("chat-long-fake")
        with served.stream("chat-cloud") as remote:
            assert remote.next() is not None
            added = f"  chat-added-fake: {{engine: llamacpp, path: {weights / 'chat.gguf'}}}"
            write(more=added)
            until("the added model serves", lambda: served.chat("chat-added-fake").status == 200, within=10)
            write(more=added.replace("}", ", keep_alive: 7m}"))
            until("the changed value is in force", lambda: served.instance("chat-added-fake")["keep_alive"] == 420.0)
            write(more=added.replace("}", ", args: [--tokens, '3']}"))
            until("it says less", lambda: served.chat("chat-added-fake").text == "token1 token2 token3", within=10)
            write(aliases="  fresh: {targets: [chat-other-fake]}")
            until("the removed model is gone", lambda: served.chat("chat-added-fake").status == 404, within=10)
            until("its engine too", lambda: not served.engines("chat-added-fake"))
            assert served.chat("fresh").model == "chat-other-fake"
            assert remote.rest().done
        stream.rest()
    assert stream.done
    assert stream.text == " ".join(f"token{n}" for n in range(1, 31))
    assert served.engines("chat-other-fake") == [other]
    assert served.engines("chat-long-fake") == [long]


def test_only_the_changed_model_restarts_and_its_stream_ends_first(served: Installation, write: Write) -> None:
    served.chat("chat-other-fake")
    (other,) = served.engines("chat-other-fake")
    with served.stream("chat-long-fake") as stream:
        assert stream.next() is not None
        (old,) = served.engines("chat-long-fake")
        write(tokens=2)
        served.wait_state("chat-long-fake", "draining")
        stream.rest()
    assert stream.done
    assert stream.text.endswith("token30")
    answer = served.chat("chat-long-fake")
    assert answer.text == "token1 token2"
    assert served.engines("chat-long-fake") not in ([], [old])
    assert served.engines("chat-other-fake") == [other]


def test_a_request_while_the_changed_model_drains_waits_for_the_new_one(served: Installation, write: Write) -> None:
    write(tokens=20)
    until("the change is in force", lambda: served.chat("chat-long-fake").text.endswith("token20"), within=10)
    with served.stream("chat-long-fake") as stream:
        assert stream.next() is not None
        write(tokens=3)
        served.wait_state("chat-long-fake", "draining")
        assert served.chat("chat-long-fake").text == "token1 token2 token3"
        assert stream.rest().done


def test_a_stream_on_a_removed_model_ends_well(served: Installation, write: Write) -> None:
    write(tokens=20)
    until("the change is in force", lambda: served.chat("chat-long-fake").text.endswith("token20"), within=10)
    assert served.chat("chat-other-fake").status == 200
    with served.stream("chat-other-fake", max_tokens=2) as stream:
        write(tokens=20, drop=True)
        assert stream.rest().done
    until("it is gone", lambda: served.chat("chat-other-fake").status == 404, within=10)
    until("its engine too", lambda: not served.engines("chat-other-fake"))
    write(tokens=20)
    until("it is back", lambda: served.chat("chat-other-fake").status == 200, within=10)


def test_a_bad_file_changes_nothing_and_is_told_everywhere(served: Installation, write: Write) -> None:
    write(tokens=20)
    assert served.config is not None
    good = served.config.read_text()
    (engine,) = served.engines("chat-other-fake") or [0]
    with served.stream("chat-long-fake") as stream:
        assert stream.next() is not None
        served.write(good.replace("models:\n", "modles:\n"))
        ready = until("it is told", lambda: told if (told := health(served))["stale"] else None, within=10)
        assert stream.rest().done
    assert "modles" in ready["stale"]
    assert served.call("GET", "/health/ready", key="").status == 200
    assert served.chat("chat-cloud").status == 200
    if engine:
        assert served.engines("chat-other-fake") == [engine]
    assert "modles" in served.admin("status")["stale"]
    checked = served.cli("config", "check", check=False)
    assert checked.returncode == 1
    assert "did you mean" in checked.stdout + checked.stderr
    assert "models" in checked.stdout + checked.stderr
    assert "line " in checked.stdout + checked.stderr
    assert "modles" in served.cli("ps", "--all").stderr, "whoever looks is told"
    refused = served.cli("config", "reload", check=False)
    assert refused.returncode == 1
    served.write(good)
    until("it is well again", lambda: not health(served)["stale"], within=10)
    assert served.cli("config", "check").returncode == 0


def health(installation: Installation) -> dict[str, str]:
    found: dict[str, str] = installation.call("GET", "/health/ready", key="").json
    return found


def test_a_revoked_key_is_refused_while_others_go_on(served: Installation) -> None:
    key = served.cli("keys", "create", "short-lived").stdout.strip()
    with served.stream("chat-long-fake", key=key) as running, served.stream("chat-long-fake") as other:
        assert running.next() is not None
        assert other.next() is not None
        served.cli("keys", "revoke", "short-lived")
        until("it is refused", lambda: served.call("GET", "/v1/models", key=key).status == 401, within=1)
        assert served.stream("chat-cloud", key=key).rest().status == 401
        assert other.rest().done
        assert running.rest().done, "what was admitted may end"


def test_limits_change_without_a_restart(served: Installation) -> None:
    assert served.config is not None
    before = revision(served)
    good = served.config.read_text()
    served.write("server: {limits: {body: 1KiB}}\n" + good)
    until("the limit holds", lambda: served.chat("chat-cloud", "x" * 2000).status == 413, within=10)
    assert revision(served) > before
    served.write(good)
    until("the limit is gone", lambda: served.chat("chat-cloud", "x" * 2000).status == 200, within=10)


def test_the_shown_configuration_hides_keys(served: Installation) -> None:
    shown = served.cli("config", "show", "--json").stdout
    assert "sk-cloud" not in shown
    assert json.loads(shown)["tree"]["engines"]["llamacpp"]["command"][0] == sys.executable
