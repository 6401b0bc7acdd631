"""Memory seen from outside: keys with less than all rights, the queue and its place in the errors, plans, leases,
pressure."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glowplug.testing.fake_nvml import FakeNvml
from tests.e2e.conftest import Install
from tests.e2e.installation import SOURCE, Installation, question, until

GIB = 1 << 30
BIG, OTHER, SMALL = "chat-big-llamacpp", "chat-other-llamacpp", "chat-small-llamacpp"


@pytest.fixture
def card(nvml_library: Path, tmp_path: Path) -> FakeNvml:
    nvml = FakeNvml(tmp_path, nvml_library)
    nvml.add_gpu("a card", "GPU-1", 16 * GIB)
    return nvml


@pytest.fixture
def here(install: Install, card: FakeNvml, weights: Path) -> Iterator[Installation]:
    """Two models that do not fit together, and a small one that fits beside either."""

    def model(mib: int, *more: str) -> dict[str, Any]:
        return {
            "engine": "llamacpp", "path": str(weights / "chat.gguf"), "memory": f"{mib}MiB",
            "args": ["--allocate", str(mib - 400), *more],
        }  # fmt: skip

    one = install()
    one.env |= card.env
    config = {
        "server": {"port": 0, "plain_wait": "1s"},
        "engines": {
            "llamacpp": {
                "command": [sys.executable, "-m", "glowplug.testing.fake_engine"],
                "env": {"PYTHONPATH": str(SOURCE)},
            }
        },
        "memory": {"pressure": "1s"},
        "scheduling": {"learn": False},
        "models": {
            BIG: model(9000, "--drip", "0.3"),
            OTHER: model(9000),
            SMALL: model(1500),
        },
        "aliases": {"either": {"targets": [OTHER, SMALL], "cold": "cloud-while-cold"}},
    }
    one.write(json.dumps(config))
    one.start()
    yield one


def key(here: Installation, **body: Any) -> str:
    return str(here.admin("keys", "POST", {"name": "k", **body})["key"])


def test_a_key_that_may_only_use_what_is_loaded(here: Installation) -> None:
    warm = key(here, rights="warm")
    refused = here.call("POST", "/v1/chat/completions", question(SMALL), key=warm)
    assert refused.status == 403 and refused.error["code"] == "model_not_warm"
    assert here.state_of(SMALL) == "stopped"
    assert here.chat(SMALL).status == 200
    assert here.call("POST", "/v1/chat/completions", question(SMALL), key=warm).status == 200


def test_a_key_that_may_start_and_not_evict(here: Installation) -> None:
    starts = key(here, rights="start")
    assert here.chat(OTHER).status == 200
    refused = here.call("POST", "/v1/chat/completions", question(BIG), key=starts)
    assert refused.status == 503 and refused.error["reason"] == "no_room", refused.body
    assert "this key may not unload other models" in refused.error["message"] and refused.headers["retry-after"]
    assert here.call("POST", "/v1/chat/completions", question(SMALL), key=starts).status == 200, "it fits beside it"
    assert here.state_of(OTHER) in ("ready", "busy")
    assert here.chat(BIG, max_tokens=1).status == 200, "a key that may evict does"
    assert here.state_of(OTHER) == "stopped"


def test_what_cannot_wait_hears_where_it_stands_in_the_queue(here: Installation) -> None:
    with here.stream(BIG) as stream:
        stream.next()
        refused = here.chat(OTHER)
        assert refused.status == 503 and int(refused.headers["retry-after"]) >= 1
        loading = refused.error["loading"]
        assert (loading["model"], loading["state"], loading["queue_position"]) == (OTHER, "queued", 1)
        assert BIG in loading["stage"] and set(loading) == {
            "model", "state", "stage", "progress", "eta_s", "queue_position",
        }  # fmt: skip
        assert stream.rest().done, "nobody stopped it"


def test_a_stream_waits_in_the_queue_with_heartbeats(here: Installation) -> None:
    with here.stream(BIG) as busy, here.stream(OTHER) as waiting:
        busy.next()
        assert waiting.status == 200
        waiting.next()
        assert any("queued" in comment for comment in waiting.comments), waiting.comments
        assert waiting.rest().done and busy.rest().done


def test_a_plan_tells_what_would_happen_and_does_nothing(here: Installation) -> None:
    assert here.chat(OTHER).status == 200
    plan = here.admin(f"plan/{BIG}")
    assert (plan["verdict"], [one["model"] for one in plan["evict"]]) == ("after_evicting", [OTHER])
    assert here.admin(f"plan/{SMALL}")["verdict"] == "fits" and here.admin(f"plan/{OTHER}")["verdict"] == "ready"
    assert here.state_of(OTHER) == "ready" and here.state_of(BIG) == "stopped"
    assert here.chat(BIG, max_tokens=1).status == 200 and here.state_of(OTHER) == "stopped"


def test_a_lease_makes_room_and_models_come_back_after_it(here: Installation, card: FakeNvml) -> None:
    assert here.chat(OTHER).status == 200
    done = here.cli("lease", "10GiB", "--for", "1m", "--wait", "10s", "--json", "--", "true")
    assert done.returncode == 0 and here.state_of(OTHER) == "stopped"
    assert here.admin("leases")["data"] == [] and here.chat(OTHER).status == 200


def test_other_programs_that_need_memory_get_it(here: Installation, card: FakeNvml) -> None:
    assert here.chat(OTHER).status == 200
    card.set_used_by_others(0, 7 * GIB)
    until("the idle model has made room", lambda: here.state_of(OTHER) == "stopped")
    plan = here.admin(f"plan/{OTHER}")
    assert plan["verdict"] == "never" and "other programs hold 7 GiB of gpu0" in plan["why"]
