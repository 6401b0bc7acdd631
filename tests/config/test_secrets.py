from __future__ import annotations

import os
from pathlib import Path

import pytest

from glowplug.config.secrets import absolute, expand, harmless, read_secret


@pytest.mark.parametrize(
    ("raw", "text", "variables"),
    [
        ("plain $5 $x", "plain $5 $x", ()),
        ("${A}", "one", ("A",)),
        ("x-${A}-${B:-two}-y", "x-one-two-y", ("A", "B")),
        ("${EMPTY}", "", ("EMPTY",)),
        ("${EMPTY:-d}", "d", ("EMPTY",)),
        ("${A:-d}", "one", ("A",)),
        ("${B:-}", "", ("B",)),
        ("$${A}", "${A}", ()),
        ("${NEST}", "${A}", ("NEST",)),
    ],
)
def test_references_are_filled_in_once(raw: str, text: str, variables: tuple[str, ...]) -> None:
    found = expand(raw, {"A": "one", "EMPTY": "", "NEST": "${A}"})
    assert (found.text, found.variables, found.missing, found.malformed) == (text, variables, "", "")


def test_every_variable_that_is_not_set_is_named() -> None:
    assert (
        expand("${A}${B}${A}", {}).missing == "environment variable A is not set and environment variable B is not set"
    )


@pytest.mark.parametrize("raw", ["${", "${}", "${1}", "${a-b}", "${A:x}", "${A"])
def test_what_is_no_reference_is_said_to_be_malformed(raw: str) -> None:
    assert expand(raw, {"A": "x"}).malformed


def test_an_expanded_value_does_not_show_in_its_repr() -> None:
    assert "hunter2" not in repr(expand("${A}", {"A": "hunter2"}))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("${A}", True), ("file:/run/x", True), ("${A:-sk-1}", False), ("Bearer ${A}", False), ("file:${A}", False)],
)  # fmt: skip
def test_only_a_bare_reference_may_be_shown(raw: str, shown: bool) -> None:
    assert harmless(raw) is shown


def test_a_secret_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-1\r\n")
    file.chmod(0o600)
    found = read_secret("key", tmp_path, "/home/u")
    assert (found.text, found.missing, found.warning) == ("sk-1", "", "")
    assert "sk-1" not in repr(found)


def test_a_secret_file_that_others_can_read_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sk-1")
    file.chmod(0o644)
    found = read_secret(str(file), tmp_path, "/home/u")
    assert found.text == "sk-1"
    assert "can be read by others (mode 0644)" in found.warning


@pytest.mark.parametrize("kind", ["absent", "empty", "binary", "long", "pipe", "directory", "zero"])
def test_a_secret_file_that_cannot_be_used_is_missing_and_never_blocks(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "key"
    contents = {"empty": b"\n", "binary": b"\xff\xfe", "long": b"x" * 70_000}
    if kind in contents:
        file.write_bytes(contents[kind])
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "directory":
        file.mkdir()
    found = read_secret("a\0b" if kind == "zero" else str(file), tmp_path, "/home/u")
    assert found.missing.startswith("secret file ")
    assert found.text == ""


@pytest.mark.parametrize(
    ("name", "path"),
    [("m.gguf", "/etc/gp/m.gguf"), ("../m", "/etc/m"), ("~/m", "/home/u/m"), ("/x//m", "/x/m"), ("~x", "/etc/gp/~x")],
)
def test_paths_are_relative_to_the_file(name: str, path: str) -> None:
    assert absolute(name, Path("/etc/gp"), "/home/u") == Path(path)
