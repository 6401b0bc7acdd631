from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks import words

# Put together from pieces, as in the check itself, so that this file passes it.
BAD = [
    "see https://" + "pypi" + ".org/simple",
    "index at files." + "pythonhosted" + ".org",
    "registry." + "npmjs" + ".org/x",
    "cd /" + "work/main",
    "`/" + "root/.cache`",
    "(/" + "opt/gpvenv/bin)",
    "cat /" + "home/alice/x",
    "# TO" + "DO: later",
    "# FIX" + "ME",
    "fixes issue" + " 12",
    "see Issue" + " #7",
    "this work" + "place",
    "a sub" + "agent did it",
    "written by a coding" + " agent",
]

GOOD = [
    "the network at work/rest",
    "/var/lib/glowplug",
    "$HOME/work/models and ~/work/models",
    "tests/e2e/work/x",
    "/home/you/models and /home/u/x",
    "User-Agent: x; server-side sessions; setsid makes a session",
    "ggml-org/llama.cpp#946",
    "an issue 404s",
    "colour #123456",
    "a todo list",
    "/workers and /rooted",
    "crates",
]


@pytest.mark.parametrize("line", BAD)
def test_bad_words_are_found(line: str) -> None:
    assert [number for number, _, _ in words.findings("fine\n" + line)] == [2]


@pytest.mark.parametrize("line", GOOD)
def test_good_words_pass(line: str) -> None:
    assert list(words.findings(line)) == []


def test_a_complaint_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("fine\n" + BAD[3] + "\n")
    (complaint,) = words.check(tmp_path, [Path("a.md")])
    assert complaint.startswith("a.md:2: ")
    assert words.check(tmp_path, [Path("a.md")], exceptions={"a.md": "quoted"}) == []


def test_binary_files_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF\0" + BAD[7].encode())
    assert words.check(tmp_path, [Path("a.gguf")]) == []
