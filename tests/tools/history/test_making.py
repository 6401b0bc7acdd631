from __future__ import annotations

from tools.history.making import DAY, END, Shape, changes, keys, lines

from glowplug.domain.usage import Outcome

SHAPE = Shape(1_000, days=10, keys=12, models=10, changes=7)


def test_a_history_is_the_same_every_time_and_in_order() -> None:
    made = list(lines(SHAPE))
    assert made == list(lines(SHAPE))
    firsts = [one for one in made if one.attempt == 0]
    assert len(firsts) == len({one.request for one in firsts}) == 1_000
    assert [one.started for one in firsts] == sorted(one.started for one in firsts)
    assert END - 10 * DAY <= firsts[0].started < firsts[-1].started < END
    assert {one.key for one in made} <= {key.id for key in keys(SHAPE)}
    assert {one.model for one in made} <= set(SHAPE.model_names())
    assert 0 < sum(one.outcome is not Outcome.OK for one in made) < 100
    assert len(list(changes(SHAPE))) == 7


def test_models_have_five_providers() -> None:
    assert len(set(SHAPE.providers().values())) == 5
