from __future__ import annotations

from collections.abc import Mapping

from glowplug.testing.litellm_sealing import Sealer
from glowplug.testing.litellm_seed_people import hashed, plant_people


def test_what_an_era_has_no_table_for_is_not_planted() -> None:
    rows: list[tuple[str, Mapping[str, object]]] = []
    planted = plant_people(lambda table, row: rows.append((table, row)), Sealer(), {})
    assert (planted.tags, planted.replaced) == ((), {})
    tokens = [row["token"] for table, row in rows if table == "LiteLLM_VerificationToken"]
    for alias, key in planted.keys.items():
        assert (hashed(key) in tokens) == (alias != "in clear")
    assert len(tokens) == len(planted.keys) + planted.sessions + 1
