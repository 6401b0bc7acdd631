"""How quickly models answered lately."""

from __future__ import annotations

import msgspec

from glowplug.domain.usage import Outcome
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.speeds import Speed, speeds
from tests.ledger.builders import DAY, START, closed, opened


def test_only_what_was_written_lately_counts(database: Database) -> None:
    whole = msgspec.structs.replace(closed("d", model="x", day=2, completion=3), streamed=False)
    ends = [
        closed("a", day=1, completion=1000),
        closed("b", day=2, completion=13),
        closed("c", day=2, outcome=Outcome.TIMEOUT),
        whole,
        closed("e", model="y", day=2, completion=0),
    ]
    AttemptStore(database).absorb("w", "s", 1, [opened("running", day=2), opened("old", model="z")], ends)
    at = START + 2 * DAY
    m, x, y, z = database.call(lambda c: speeds(c, at))
    assert m.tokens_per_second is not None and x.tokens_per_second is not None and m.first_byte is not None
    assert (m.model, m.running, m.answers, m.tokens, m.last) == ("m", 1, 1, 13, at)
    assert abs(m.tokens_per_second - 10.0) < 1e-6 and abs(m.first_byte - 0.2) < 1e-6
    assert (x.model, x.first_byte) == ("x", None) and abs(x.tokens_per_second - 2.0) < 1e-6, "from its beginning"
    assert y == Speed(
        model="y", running=0, answers=1, tokens=0, tokens_per_second=None, first_byte=y.first_byte, last=at
    )
    assert (z.model, z.running, z.answers, z.last) == ("z", 1, 0, None), "whenever it began"
    assert [(one.model, one.answers) for one in database.call(lambda c: speeds(c, at + 1))] == [("m", 0), ("z", 0)]
