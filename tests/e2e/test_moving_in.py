"""Moving in from LiteLLM: database and file of every era, by the command, then served by a real Glowplug."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from glowplug.moving.identity import key_id
from glowplug.testing.litellm_schema import ERAS
from tests.e2e.cloud import Cloud
from tests.e2e.conftest import Install
from tests.e2e.installation import Answer, Installation, question
from tests.moving.conftest import Seeded, Seeding, postgres, seeding

__all__ = ["postgres", "seeding"]
HERE = "openai/here"
DEAR = "openai/dear"
"""Names of `openai/*`, which the key with a list may ask for; the second costs 2 dollars a token."""


def imported(installation: Installation, seeded: Seeded, *more: str) -> Any:
    """The report of `glowplug import litellm`."""
    files = []
    for number, key in enumerate(seeded.planted.keys):
        path = installation.state.with_name(f"{installation.state.name}.key{number}")
        path.write_text(key.reveal() + "\n")
        files += ["--salt-key-file" if number == 0 else "--previous-key-file", str(path)]
    done = installation.cli(
        "import", "litellm", "--config", str(installation.state.with_name(f"{installation.state.name}.yaml")),
        "--database", "env:THEIRS", *files, "--into", str(installation.config), "--json", *more,
    )  # fmt: skip
    assert not [key for key in seeded.planted.keys if key.reveal() in done.stdout + done.stderr]
    return json.loads(done.stdout)


def ask(installation: Installation, key: str, model: str = HERE) -> Answer:
    return installation.call("POST", "/v1/chat/completions", question(model, "hi", max_tokens=1), key=key)


@pytest.mark.parametrize("era", ERAS)
def test_a_litellm_of_every_era_moves_in(install: Install, the_cloud: Cloud, seeding: Seeding, era: str) -> None:
    seeded = seeding(era, "everything")
    installation = install()
    installation.config = installation.state / "config.yaml"
    installation.env["THEIRS"] = seeded.url.reveal()
    installation.state.with_name(f"{installation.state.name}.yaml").write_text(f"""
model_list:
  - model_name: {HERE}
    litellm_params: {{model: openai/stand-in, api_base: "{the_cloud.base_url}", api_key: sk-cloud}}
  - model_name: {DEAR}
    litellm_params:
      {{model: openai/stand-in, api_base: "{the_cloud.base_url}", api_key: sk-cloud,
        input_cost_per_token: 0, output_cost_per_token: 2}}
""")
    report = imported(installation, seeded)
    said = [f"{line['where']}: {line['what']}" for line in report["lines"]]
    for trap, where in {**seeded.planted.traps, **seeded.planted.history.traps}.items():
        assert any(line.startswith(where) for line in said), trap
    again = imported(installation, seeded)
    assert [one for one in again["counts"] if one["new"]] == []
    installation.start("up", "--config", str(installation.config), "--port", "0")

    _keys(installation, seeded)
    _limits(installation, seeded.planted.people.keys)
    _totals(installation, seeded)
    assert installation.stop() == 0


def _keys(installation: Installation, seeded: Seeded) -> None:
    """Every key that was good is good, for what it was good for; the others say why not."""
    people = seeded.planted.people
    statuses = {alias: installation.call("GET", "/v1/models", key=key).status for alias, key in people.keys.items()}
    refused = {alias: status for alias, status in statuses.items() if status != 200}
    assert refused == {"expired": 401, "blocked": 403}
    for old in people.replaced:
        assert installation.call("GET", "/v1/models", key=old).status == 200
    assert installation.call("GET", "/v1/models", key="sk-nobody-has-this-one").status == 401
    assert ask(installation, people.keys["plain"]).status == 200
    assert ask(installation, people.keys["in clear"]).status == 200
    assert ask(installation, people.keys["endless"]).status == 200


def _limits(installation: Installation, keys: dict[str, str]) -> None:
    limited = keys["limited"]
    other = ask(installation, limited, "chat-local")
    assert (other.status, other.error["code"]) == (403, "model_not_allowed"), other.body
    # It may spend 3 dollars a day, and a token of this model costs 2: as long as something is left, one is answered.
    assert [ask(installation, limited, DEAR).status for _ in range(2)] == [200, 200]
    over = ask(installation, limited, DEAR)
    assert (over.status, over.error["code"]) == (429, "budget_exceeded"), over.body
    # Ten requests a minute, three of which are gone: what was refused for its cost was asked, too.
    answers = [ask(installation, limited) for _ in range(8)]
    assert [answer.status for answer in answers] == [200] * 7 + [429]
    assert "retry-after" in answers[-1].headers
    budgets = {one["name"]: one for one in installation.admin("budgets")["data"]}
    assert budgets["member:team-search/u-bob"]["spent"] == 1_250_000_000


def _totals(installation: Installation, seeded: Seeded) -> None:
    """What was used of each key, team, model and day is what the source should have said."""
    history = seeded.planted.history
    days: dict[str, list[int]] = {}
    for (day, _), (requests, prompt, cost) in history.corrected.items():
        one = days.setdefault(day, [0, 0, 0])
        one[:] = [one[0] + requests, one[1] + prompt, one[2] + cost]

    def used(by: str) -> dict[str, Any]:
        rows = installation.admin(f"usage?by={by}&since=2026-11-01&until=2026-11-20")
        return {row[by]: row for row in (rows["data"] if isinstance(rows, dict) else rows)}

    assert {day: [row["attempts"], row["prompt_tokens"], row["cost"]] for day, row in used("day").items()} == days
    plain = key_id(sha256(seeded.planted.people.keys["plain"].encode()).hexdigest())
    whole = sum(cost for _, _, cost in history.corrected.values())
    assert (
        used("key")[plain]["cost"]
        + sum(cost for (_, model), (_, _, cost) in history.corrected.items() if model == "odd")
        == whole
    )
    assert used("team")["team-search"]["cost"] == used("key")[plain]["cost"]
    assert sum(row["cost"] for row in used("model").values()) == whole
