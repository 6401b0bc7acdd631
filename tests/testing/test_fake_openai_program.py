from __future__ import annotations

import pytest

from glowplug.testing.fake_openai_program import Parser, behaviour, switches_from


def test_switches_of_the_environment() -> None:
    env = {
        "FAKE_ENGINE_SLOW_START": "2", "FAKE_ENGINE_WORKERS": "1", "FAKE_ENGINE_HANG": "0", "FAKE_ENGINE_TOKENS": "",
        "FAKE_ENGINE_LOG_LINES": "3", "OTHER": "1",
    }  # fmt: skip
    assert switches_from(env) == ["--slow-start", "2", "--workers"]
    args = Parser("x").parse_args(switches_from(env))
    assert (args.slow_start, args.workers, args.hang, args.tokens) == (2.0, True, False, 8)


def test_what_it_pretends_to_be() -> None:
    args = Parser("x").parse_args(["--wrong-model", "--tokens", "3", "--crash-after", "1"])
    told = behaviour(args, model="m", path="/w", key="k", build="b", context=5)
    assert (told.model, told.tokens, told.crash_after, told.context) == ("some-other-model", 3, 1, 5)


def test_an_unknown_flag_ends_it_as_it_ends_the_engine(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Parser("vllm serve").parse_args(["--odd"])
    assert ended.value.code == 2
    assert capfd.readouterr().err.splitlines()[-1] == "vllm serve: error: unrecognized arguments: --odd"
