from __future__ import annotations

from dataclasses import replace

from glowplug.config.readers.litellm.ciphertext import Opener
from glowplug.moving.litellm.installation import read_installation
from glowplug.moving.litellm.overlay import overlay_rows
from glowplug.moving.litellm.source import open_source
from tests.moving.conftest import Seeding


def test_rows_are_as_the_tables_have_them_in_clear(seeding: Seeding) -> None:
    seeded = seeding("newest", "everything")
    with open_source(seeded.url) as source:
        found = read_installation(source, Opener(seeded.planted.keys))
    rows = overlay_rows(found)
    planted = seeded.planted.models
    assert rows.settings == planted.settings
    assert {row["model_id"]: row["litellm_params"] for row in rows.models} == planted.models
    assert {row["model_id"]: row["model_name"] for row in rows.models} == planted.names
    assert {row["credential_name"]: row["credential_values"] for row in rows.credentials} == planted.credentials
    of_team = next(row for row in rows.models if row["model_id"] == "m-team")
    assert isinstance(of_team["model_info"], dict) and of_team["model_info"]["team_id"] == "team-search"


def test_a_blocked_model_is_left_out(seeding: Seeding) -> None:
    seeded = seeding("newest", "everything")
    with open_source(seeded.url) as source:
        found = read_installation(source, Opener(seeded.planted.keys))
    first = found.models[0]
    blocked = replace(found, models=(replace(first, blocked=True), *found.models[1:]))
    assert first.id not in {row["model_id"] for row in overlay_rows(blocked).models}
