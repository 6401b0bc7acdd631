"""One model of llama-swap's."""

from __future__ import annotations

import pytest

from glowplug.config.readers.foreign import Outcome, Value
from glowplug.config.readers.llama_swap.models import Models, Unusable
from glowplug.config.readers.notes import Notes

RUN = "x --port ${PORT}"


def entry(**model: Value) -> dict[str, Value]:
    return Models({"t": 0.5}, Notes()).entry("m", {"cmd": RUN, **model})


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("ttl", 60, "keep_alive", 60), ("ttl", 0, "keep_alive", -1), ("ttl", -1, "keep_alive", None),
        ("ttl", "soon", "keep_alive", None), ("unloadTimeout", 30, "stop_timeout", 30),
        ("unloadTimeout", 0, "stop_timeout", None), ("concurrencyLimit", 4, "max_concurrency", 4),
        ("concurrencyLimit", 0, "max_concurrency", None), ("checkEndpoint", "/up", "ready", {"http": "/up"}),
        ("checkEndpoint", "none", "ready", {"tcp": True}), ("checkEndpoint", "up", "ready", {"http": "/health"}),
        ("cmdStop", "docker stop ${MODEL_ID}", "stop", {"argv": ["docker", "stop", "m"]}),
        ("cmdStop", "kill ${PID}", "stop", None), ("useModelName", "other", "id", "other"),
        ("env", ["A=b=c", "9=x", "E=${env.E}"], "env", {"A": "b=c", "E": "${E}"}),
        ("timeouts", {"connect": 5, "responseHeader": 0}, "connect_timeout", 5),
        ("filters", {"setParams": {"temperature": "${t}", "model": "x", "l": [1], "s": "a"}}, "request_defaults",
         {"temperature": 0.5, "s": "a"}),
        ("capabilities", {"reranker": True}, "capabilities", ["rerank"]),
        ("capabilities", {"out": ["audio"]}, "capabilities", ["speech"]),
        ("capabilities", {"out": ["text", "audio"]}, "capabilities", None),
        ("capabilities", {"context": 4096}, "context_window", 4096),
        ("macros", {"PORT": "1"}, "command", ["x", "--port", "{port}"]),
    ],
)  # fmt: skip
def test_keys(key: str, value: Value, field: str, expected: object) -> None:
    assert entry(**{key: value}).get(field) == expected


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ({"cmd": None}, "its cmd is missing"), ({"cmd": "x ${gone}"}, "nobody says what"), ({"cmd": "'"}, "no partner"),
        ({"cmd": "x"}, "at which port"), ({"proxy": "http://10.0.0.1:80"}, "another address"),
        ({"cmd": "x", "proxy": "http://localhost"}, "at which port"), ({"cmd": [1]}, "its cmd is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_started_says_why(model: dict[str, Value], why: str) -> None:
    with pytest.raises(Unusable, match=why):
        entry(**model)


def test_a_fixed_port() -> None:
    assert entry(cmd="x", proxy="http://127.0.0.1:8999")["port"] == 8999
    free = entry(cmd="x -p 8999", proxy="http://127.0.0.1:8999")
    assert (free["command"], free.get("port")) == (["x", "-p", "{port}"], None)


def test_what_an_engine_knows_itself_is_left() -> None:
    notes = Notes()
    model: dict[str, Value] = {"cmd": "llama-server -m /a --port 1", "proxy": "http://localhost:1", "cmdStop": "x",
                               "checkEndpoint": "/y", "useModelName": "z"}  # fmt: skip
    found = Models(None, notes).entry("m", model)
    assert found == {"engine": "llamacpp", "path": "/a"}
    assert [note.where for note in notes.all() if note.outcome is Outcome.LEFT] == [
        "models.m.checkEndpoint", "models.m.cmdStop", "models.m.useModelName",
    ]  # fmt: skip
