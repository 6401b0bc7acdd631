"""Addresses that a `base_url` may name."""

from __future__ import annotations

import pytest

from glowplug.config.egress import host_objection, url_objection


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "http://192.168.1.20:8000/v1",
        "http://[::1]:8000/v1",
        "http://10.0.0.5/v1",
        "https://api.openai.com/v1",
        "http://gpu-box.lan:8000/v1",
        "http://100.64.0.7/v1",
    ],
)
def test_servers_that_people_have(url: str) -> None:
    assert url_objection(url) == ""


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "metadata.google.internal",
        "METADATA.google.internal.",
        "0.0.0.0",
        "0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
    ],
)
def test_addresses_that_hand_out_credentials_or_are_none(host: str) -> None:
    assert url_objection(f"http://{host}/v1") != ""


@pytest.mark.parametrize("url", ["ftp://x/v1", "file:///etc/passwd", "http://", "http://[::1", "gopher://x"])
def test_other_schemes(url: str) -> None:
    assert url_objection(url) != ""


def test_names_are_not_looked_up() -> None:
    assert host_objection("169.254.169.254.nip.invalid") == ""
