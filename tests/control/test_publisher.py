from __future__ import annotations

from glowplug.control.publisher import Publisher
from glowplug.domain.access import ApiKey
from glowplug.wire.link import SetSnapshot
from tests.still_clock import StillClock
from tests.usecases.managers import CATALOG

KEY = ApiKey(id="1", name="n", display="d", digest=b"x" * 32)


def test_the_publisher_sends_each_change_with_a_greater_revision() -> None:
    sent: list[SetSnapshot] = []

    class Workers:
        def broadcast(self, message: SetSnapshot) -> None:
            sent.append(message)

    clock, keys = StillClock(), [KEY]
    publisher = Publisher(lambda: CATALOG, lambda: keys, b"p" * 32, clock)
    assert publisher.revision == 0
    publisher.publish()
    publisher.connect(Workers())
    assert publisher.current().revision == publisher.revision == 1_764_000_000_000
    keys.clear()
    publisher.publish()
    clock.now += 60
    publisher.publish()
    assert [m.snapshot.revision for m in sent] == [1_764_000_000_001, 1_764_000_060_000]
    assert sent[0].snapshot.keys == ()
    later = Publisher(lambda: CATALOG, lambda: keys, b"p" * 32, clock)
    clock.now += 1
    assert later.current().revision > publisher.revision


def test_a_worker_that_joins_gets_the_snapshot_that_is_in_force() -> None:
    asked = []

    def keys() -> list[ApiKey]:
        asked.append(1)
        return [KEY]

    publisher = Publisher(lambda: CATALOG, keys, b"p" * 32, StillClock())
    first = publisher.current()
    assert publisher.current() is first
    assert len(asked) == 1
    assert [key.id for key in first.keys] == ["1"]
    publisher.publish()  # nobody is connected
    assert publisher.current() is not first
