from __future__ import annotations

from collections.abc import Mapping

from glowplug.testing.litellm_sealing import Sealer
from glowplug.testing.litellm_seed_models import plant_models


def test_every_model_is_either_planted_or_a_trap_that_refuses_it() -> None:
    rows: list[tuple[str, Mapping[str, object]]] = []
    planted = plant_models(lambda table, row: rows.append((table, row)), Sealer())
    ids = {row["model_id"] for table, row in rows if table == "LiteLLM_ProxyModelTable"}
    assert ids == {*planted.models, *planted.refused_models}
    assert set(planted.refused_models.values()) <= set(planted.traps)
    stored = next(row["litellm_params"] for _, row in rows if row.get("model_id") == "m-cloud-1")
    assert isinstance(stored, dict) and stored["api_key"] != planted.models["m-cloud-1"]["api_key"]
