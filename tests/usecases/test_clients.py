from __future__ import annotations

import msgspec
import pytest

from glowplug.domain.snapshot import AliasRoute
from glowplug.errors import NotFound
from glowplug.usecases.clients import listed, sighting
from tests.usecases.managers import CATALOG

URL = "http://127.0.0.1:4000"
SEEN = (
    sighting("key_1", "claude-cli/2.1.197 (external, cli)", 5.0),
    sighting("key_2", "Mozilla/5.0", 6.0),
    sighting("k", "glowplug/1", 7.0),
)


def test_every_client_is_told_the_model_and_no_key() -> None:
    found = listed(CATALOG, URL, "", SEEN)
    assert (found.model, found.url, len(found.data)) == ("chat-default", URL, 16)
    assert [one.agent for one in found.others] == ["Mozilla/5.0"]
    rows = {row.name: row for row in found.data}
    code = rows["claude-code"]
    assert [one.key for one in code.seen] == ["key_1"] and code.recognised and code.writes
    assert code.command == f"glowplug connect claude-code --url {URL} --model chat-default --new-key --write"
    assert code.snippets[0].title == "~/.claude/settings.json" and found.placeholder in code.snippets[0].text
    assert not rows["cursor"].writes and rows["cursor"].command.endswith("--new-key") and rows["cursor"].steps
    assert not rows["langchain"].recognised


def test_limits_are_those_of_the_smallest_target() -> None:
    local, cloud, unset = CATALOG.models
    sized = (
        msgspec.structs.replace(local, context_window=8192, max_output=1024),
        msgspec.structs.replace(cloud, context_window=4096),
        unset,
    )
    both = AliasRoute(name="both", targets=("local", "cloud"))
    catalog = msgspec.structs.replace(CATALOG, models=sized, aliases=(both,))
    rows = {row.name: row for row in listed(catalog, URL, "both", ()).data}
    text = rows["opencode"].snippets[0].text
    assert '"context": 4096' in text and '"output": 1024' in text
    assert listed(catalog, URL, "", ()).model == "local"


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="cluod") as caught:
        listed(CATALOG, URL, "cluod", ())
    assert "cloud" in caught.value.hint
    assert listed(msgspec.structs.replace(CATALOG, models=(), aliases=()), URL, "", ()).model == "MODEL"
