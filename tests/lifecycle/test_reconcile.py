from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glowplug.lifecycle.reconcile import reconcile
from glowplug.lifecycle.records import InstanceRecord

RECORD = InstanceRecord(
    instance="i1", model="m", engine="llamacpp", pid=7, start_time=70, host="127.0.0.1", port=9, key="k", digest="d",
    log="/l", stop_timeout=10.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("digests", "fits", "why"),
    [
        ({"m": "d"}, True, ""),
        ({"m": "other"}, False, "command line"),
        ({"n": "d"}, False, "no such model any more"),
        ({}, False, "no such model any more"),
    ],
)
def test_a_record_is_kept_when_the_same_launch_is_wanted(digests: dict[str, str], fits: bool, why: str) -> None:
    [found] = reconcile([RECORD], digests)
    assert (found.record, found.fits) == (RECORD, fits)
    assert why in found.why and bool(found.why) is not fits


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("de")), max_size=8))
def test_each_model_is_judged_once_by_its_latest_record(told: list[tuple[str, str]]) -> None:
    records = [
        msgspec.structs.replace(RECORD, instance=f"i{number}", model=model, digest=digest)
        for number, (model, digest) in enumerate(told)
    ]
    found = {each.record.model: each for each in reconcile(iter(records), {"a": "d", "b": "e"})}
    assert {model: each.record for model, each in found.items()} == {record.model: record for record in records}
    assert len(reconcile(records, {})) == len(found)
    for model, each in found.items():
        assert each.fits is ({"a": "d", "b": "e"}.get(model) == each.record.digest)
