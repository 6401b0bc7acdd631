"""The page names every setting that is not taken over, with its reason."""

from pathlib import Path

from glowplug.config.readers.foreign import Outcome
from glowplug.config.readers.litellm.keys_general import GENERAL
from glowplug.config.readers.litellm.prefixes import PREFIXES
from tools.docs import foreign

ROOT = Path(__file__).parents[3]


def test_every_setting_that_is_left_is_on_the_page() -> None:
    text = foreign.pages(ROOT)[foreign.PAGE]
    general = text.partition("Of `general_settings`")[2].partition("## llama-swap")[0]
    for name, key in GENERAL.items():
        assert (f"`{name}`" in general) is (key.outcome is not Outcome.TAKEN), name
        assert key.why in general
    assert all(f"`{name}`" in text for name in PREFIXES)


def test_the_page_is_up_to_date() -> None:
    assert foreign.pages(ROOT)[foreign.PAGE] == (ROOT / foreign.PAGE).read_text()
