from __future__ import annotations

from tests.cli.script import Script


def test_script(script: Script) -> None:
    script.play("logs")
