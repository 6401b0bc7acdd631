from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from glowplug.engines.programs import FlagCatalogue, flags_in_help

LLAMA = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
-c,    --ctx-size N                     size of the prompt context (default: 0, 0 = loaded from model)
                                        (env: LLAMA_ARG_CTX_SIZE)
-fa,   --flash-attn [on|off|auto]       set Flash Attention use, see --not-a-flag
-ngl,  --gpu-layers, --n-gpu-layers N   max. number of layers
--ui, --webui, --no-ui, --no-webui      whether to enable the Web UI
--offline                               Offline mode: forces use of cache
"""
ARGPARSE = """\
usage: prog [-h] [-m MODEL]

options:
  -h, --help            show this help message and exit
  -m MODEL, --model MODEL
  --api-key KEY
"""


def test_flags_of_llama_server() -> None:
    assert flags_in_help(LLAMA) >= {
        "-h", "--help", "--usage", "-c", "--ctx-size", "-fa", "--flash-attn", "-ngl", "--gpu-layers", "--n-gpu-layers",
        "--no-ui", "--no-webui", "--offline",
    }  # fmt: skip
    assert "--not-a-flag" not in flags_in_help(LLAMA)


def test_flags_of_argparse() -> None:
    assert flags_in_help(ARGPARSE) == {"-h", "--help", "-m", "--model", "--api-key"}


def program(path: Path, flags: str) -> tuple[str, ...]:
    path.write_text(f"#!{sys.executable}\nopen({str(path)!r} + '.asked', 'a').write('x')\nprint({flags!r})\n")
    path.chmod(0o755)
    return (str(path),)


async def test_a_program_is_asked_once_for_each_build(tmp_path: Path) -> None:
    command, catalogue = program(tmp_path / "srv", "--old  text"), FlagCatalogue()
    assert not catalogue.asked(command)
    answers = await asyncio.gather(*(catalogue.learn(command, "--help", {}) for _ in range(5)))
    assert answers == [frozenset({"--old"})] * 5
    assert catalogue.asked(command) and catalogue.flags(command) == {"--old"}
    assert (tmp_path / "srv.asked").read_text() == "x"
    program(tmp_path / "srv", "--newer  text")
    assert not catalogue.asked(command)
    assert await catalogue.learn(command, "--help", {}) == {"--newer"}


async def test_a_program_without_help_or_existence_is_not_known(tmp_path: Path) -> None:
    catalogue = FlagCatalogue()
    silent = program(tmp_path / "srv", "nothing here")
    assert await catalogue.learn(silent, "--help", {}) is None
    assert catalogue.asked(silent)
    missing = (str(tmp_path / "absent"),)
    assert catalogue.asked(missing), "there is nothing to wait for"
    assert await catalogue.learn(missing, "--help", {}) is None
