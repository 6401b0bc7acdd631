"""Drivers, and the versions of ROCm that AMD lists for them."""

from __future__ import annotations

import pytest

from glowplug.doctor.rocm import outside


@pytest.mark.parametrize(("module", "rocm", "goes_with"), [
    ("6.2.4", "6.2.0-66", "ROCm 5.5 to 6.1"), ("6.2.4", "5.4.3", "ROCm 5.5 to 6.1"), ("6.2.4", "6.1.3-122", ""),
    ("6.3.6", "6.2.4", ""), ("6.3.6", "6.3.0-39", "ROCm 5.6 to 6.2"), ("6.8.5", "6.0.2", ""),
    ("6.12.12", "7.14.0", "ROCm 6.1 to 7.2"), ("6.14.14", "6.1.2", "ROCm 6.2 or later"), ("6.14.14", "10.0.0", ""),
    ("6.16.13", "6.3.0", ""), ("6.16.13", "6.2.4", "ROCm 6.3 or later"), ("6.19.14", "99.1.0", ""),
])  # fmt: skip
def test_what_goes_together(module: str, rocm: str, goes_with: str) -> None:
    found = outside(module, rocm)
    assert (str(found) if found else "") == goes_with


@pytest.mark.parametrize("module", ["", "5.18.13", "6.9.1", "6", "6.2x", "x6.2.4", "٦.٢", "99999.2.1"])
def test_of_a_module_that_nobody_knows_nothing_is_said(module: str) -> None:
    assert outside(module, "1.0.0") is None


@pytest.mark.parametrize("rocm", ["", "(/usr/lib64/libhsa-runtime64.so.1)", "6", "six.two", "\0"])
def test_of_a_rocm_without_a_version_nothing_is_said(rocm: str) -> None:
    assert outside("6.14.14", rocm) is None
