"""What an import is going to do."""

from __future__ import annotations

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.config.readers.litellm import read
from glowplug.moving.litellm.rows.allowance import Allowance
from glowplug.moving.litellm.rows.budgets import Budget
from glowplug.moving.litellm.values import NOT_SET
from glowplug.moving.plan import make_plan
from glowplug.providers.catalogue import PROVIDERS
from tests.moving.builders import HASH, installation, team, virtual

FILE = """
model_list: [{model_name: chat, litellm_params: {model: openai/gpt-4o, api_key: sk-file}}]
general_settings: {master_key: sk-master-key-long-enough}
"""
LITELLM = read(FILE, env={}, providers=PROVIDERS)


def test_without_a_database_there_is_the_master_key() -> None:
    plan = make_plan(None, LITELLM, b"p" * 32, 9.0)
    assert len(plan.keys) == 1
    assert "sk-file" not in repr(plan)


def test_names_of_the_history_are_joined() -> None:
    source = installation(keys=(virtual(team="t"),), teams=(team("t", organisation="o"),))
    plan = make_plan(source, LITELLM, b"p" * 32, 9.0)
    joins = plan.joins
    assert joins.organisations == {"t": "o"}
    assert joins.teams == {joins.key(HASH): "t"}
    assert joins.key("litellm_proxy_master_key") == plan.keys[-1].id
    assert plan == make_plan(source, LITELLM, b"p" * 32, 9.0)


def test_what_may_be_taken_for_gone() -> None:
    """Nothing where nobody is or a table may not be read, and no budget where one is odd."""

    def ends(**more: object) -> frozenset[str]:
        return make_plan(installation(**more), read("", env={}, providers=PROVIDERS), b"p" * 32, 9.0).ends

    everybody = {"users", "teams", "members", "keys"}
    assert ends(keys=(virtual(),)) == everybody | {"budgets", "limits"}
    assert ends(budgets=(Budget("b", Allowance(most=10)),)) == frozenset()
    assert ends(keys=(virtual(),), forbidden=frozenset({"LiteLLM_BudgetTable"})) == frozenset()
    odd = Note(Outcome.CHANGED, "LiteLLM_TeamTable[t].max_budget", "no amount of money", NOT_SET)
    assert ends(keys=(virtual(),), notes=(odd,)) == everybody
