"""Whose address is near."""

from __future__ import annotations

import pytest

from glowplug.config.readers.local import engine_at, host_of, is_loopback, is_near, port_of, usable


@pytest.mark.parametrize(
    ("url", "loopback", "near"),
    [
        ("http://localhost:11434", True, True),
        ("http://127.0.0.9/v1", True, True),
        ("http://[::1]:8080", True, True),
        ("http://0.0.0.0:8000", True, True),
        ("http://192.168.1.4:8000/v1", False, True),
        ("http://10.1.2.3", False, True),
        ("http://vllm:8000/v1", False, True),
        ("http://box.local", False, True),
        ("http://host.docker.internal:11434", False, True),
        ("https://api.openai.com/v1", False, False),
        ("https://8.8.8.8/v1", False, False),
        ("", False, False),
        ("http://[", False, False),
    ],
)
def test_near_addresses(url: str, loopback: bool, near: bool) -> None:
    assert (is_loopback(url), is_near(url)) == (loopback, near)


def test_engines_are_recognised_by_port_and_by_file() -> None:
    assert engine_at("http://localhost:11434")[0] == "ollama"
    assert engine_at("http://localhost:8080/v1")[0] == "llamacpp"
    assert engine_at("http://10.0.0.5:8000/v1")[0] == "vllm"
    assert engine_at("http://10.0.0.5:5000/v1", "hermes.Q4_K_M.gguf")[0] == "llamacpp"
    assert engine_at("http://localhost:1234/v1") == ("command", "port 1234 is the usual one of LM Studio")
    assert engine_at("http://localhost:5000/v1")[0] == "command"


def test_parts_of_what_is_no_url() -> None:
    assert (host_of("http://[x"), port_of("http://a:b"), port_of("http://a")) == ("", 0, 0)


@pytest.mark.parametrize(
    ("url", "fits"),
    [("http://h/v1", True), ("https://h:1/v1", True), ("http://h:0", False), ("http://h:99999", False),
     ("http://u:p@h", False), ("http://h?x", False), ("ftp://h", False), ("http://", False), ("http://ü", False)],
)  # fmt: skip
def test_what_our_file_takes_as_an_address(url: str, fits: bool) -> None:
    assert usable(url) is fits
