"""The lines for the bridge in the documentation can be used as they are."""

from __future__ import annotations

import re
from pathlib import Path

from glowplug.config.load import load
from glowplug.engines.catalogue import Catalogue
from glowplug.providers.bridge import main
from glowplug.providers.catalogue import PROVIDERS

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"


def test_its_lines_are_a_configuration(tmp_path: Path) -> None:
    (text,) = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "bridge" in block]
    path = tmp_path / "config.yaml"
    path.write_text(text)
    loaded = load(path, env={"HOME": "/home/u", "WATSONX_API_KEY": "k"}, engines=Catalogue(), providers=PROVIDERS)
    assert loaded.routes[0].local and main.__module__ in text
    (route,) = loaded.routes
    assert route.upstream_model == "ibm/granite-3-8b-instruct"
