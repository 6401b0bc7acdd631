from __future__ import annotations

from glowplug.engines.base import check_options
from glowplug.engines.sglang_options import OPTIONS


def test_every_option_has_its_own_flag() -> None:
    for name, option in OPTIONS.items():
        assert option.flags[0] == "--" + name.replace("_", "-"), name


def test_what_is_computed_or_dangerous_is_none() -> None:
    assert not {"trust_remote_code", "api_key", "admin_api_key", "host", "port", "served_model_name"} & set(OPTIONS)


def test_values_are_judged() -> None:
    bad = {"context_length": 0, "dtype": "int3", "mem_fraction_static": 0.0, "disable_cuda_graph": 1, "tp_size": 0}
    assert {problem.path for problem in check_options("sglang", OPTIONS, bad)} == set(bad)
    assert check_options("sglang", OPTIONS, {"context_length": 1, "mem_fraction_static": 0.5}) == ()
