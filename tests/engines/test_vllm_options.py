from __future__ import annotations

from glowplug.engines.base import check_options
from glowplug.engines.vllm_options import OPTIONS, SLEEP_LEVEL


def test_every_option_but_ours_has_a_flag() -> None:
    for name, option in OPTIONS.items():
        assert bool(option.flags) is (name != SLEEP_LEVEL), name
        assert not option.flags or option.flags[0] == "--" + name.replace("_", "-"), "the flag's own name"


def test_what_is_computed_or_dangerous_is_none() -> None:
    assert not {"trust_remote_code", "api_key", "host", "port", "served_model_name", "model"} & set(OPTIONS)
    [problem] = check_options("vllm", OPTIONS, {"trust_remote_code": True})
    assert "not an option of vllm" in problem.message


def test_values_are_judged() -> None:
    good = {"max_model_len": -1, "dtype": "bfloat16", "gpu_memory_utilization": 0.5, "enforce_eager": True}
    assert check_options("vllm", OPTIONS, good) == ()
    bad = {"max_model_len": -2, "dtype": "int3", "gpu_memory_utilization": 0.0, "enforce_eager": "yes", "runner": "x"}
    assert {problem.path for problem in check_options("vllm", OPTIONS, bad)} == set(bad)
