"""What a load would do and who holds what, for people.  Looks, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from glowplug.domain.footprint import Source
from glowplug.domain.instance import FailureKind, State
from glowplug.domain.plan import Verdict
from tests.lifecycle.virtual_bench import GIB, VirtualBench


@pytest.fixture
async def bench(tmp_path: Path) -> VirtualBench:
    bench = VirtualBench(tmp_path)
    models = bench.model("a", 14), bench.model("b", 12), bench.model("c", 4), bench.model("huge", 100)
    return await bench.start(*models)


async def test_what_is_free(bench: VirtualBench) -> None:
    plan = bench.manager.planner.plan("a")
    assert (plan.model, plan.verdict, plan.evict, plan.queue_position) == ("a", Verdict.FITS, (), None)
    assert plan.claim["gpu0"] == pytest.approx(14 * 1.05 * GIB) and plan.eta_s is None
    assert "14.7 GiB of gpu0" in plan.why and plan.footprint.source is Source.DECLARED
    assert [device.id for device in plan.devices] == ["gpu0", "host"]


async def test_what_would_be_unloaded_and_what_that_costs(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    bench.clock.advance(60)
    plan = bench.manager.planner.plan("b")
    assert plan.verdict is Verdict.AFTER_EVICTING and "a would be unloaded for it" in plan.why
    (victim,) = plan.evict
    assert (victim.model, victim.state) == ("a", State.READY) and victim.frees["gpu0"] > 14 * GIB
    assert victim.why.startswith("idle for 1m") and "loads again in" in victim.why
    assert bench.view("a").state is State.READY and len(bench.launcher.started) == 1


async def test_what_waits_for_one_in_use(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    bench.manager.activity("w", bench.view("a").instance, True)
    plan = bench.manager.planner.plan("b")
    assert plan.verdict is Verdict.WAITS and "a" in plan.why and plan.evict == ()
    bench.manager.ensure("w", "b", 1)
    assert bench.manager.planner.plan("b").queue_position == 1


async def test_what_never_fits(bench: VirtualBench) -> None:
    plan = bench.manager.planner.plan("huge")
    assert plan.verdict is Verdict.NEVER and "more than there is" in plan.why and plan.eta_s is None
    bench.card.holds[900] = 20
    bench.clock.advance(1)
    plan = bench.manager.planner.plan("b")
    assert plan.verdict is Verdict.NEVER and "other programs hold 20 GiB of gpu0 (p900)" in plan.why


async def test_what_is_there(bench: VirtualBench) -> None:
    await bench.load("a", 13)
    plan = bench.manager.planner.plan("a")
    assert (plan.verdict, plan.eta_s) == (Verdict.READY, 0.0) and "a is loaded with 13.4 GiB of gpu0" in plan.why
    bench.manager.ensure("w", "c", 1)
    plan = bench.manager.planner.plan("c")
    assert plan.verdict is Verdict.READY and "c is loading" in plan.why


async def test_history_tells_how_long_it_takes_and_how_much(bench: VirtualBench) -> None:
    process = await bench.load("a", 13)
    bench.manager.ensure("w", "a", 0)
    bench.end(process, -9)
    bench.clock.advance(1)
    plan = bench.manager.planner.plan("a")
    assert plan.footprint.source is Source.LEARNED and plan.footprint.device == 13 * GIB
    assert plan.eta_s is not None and 0 < plan.eta_s < 1


async def test_devices_and_who_holds_them(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    bench.card.holds[900] = 3
    bench.clock.advance(1)
    await bench.manager.lending.ask(2 * GIB, None, 60.0, "", 5.0)
    card, host = bench.manager.planner.memory().data
    claim = bench.view("a").claim["gpu0"]
    assert (card.total, card.used, card.others, card.other_names) == (24 * GIB, 17 * GIB, 3 * GIB, ("p900",))
    assert card.ours == {"a": claim} and list(card.leases.values()) == [2 * GIB]
    assert card.free == 24 * GIB - GIB - 3 * GIB - 2 * GIB - claim and card.reserve == GIB
    assert host.id == "host" and host.problem == ""


async def test_a_device_that_is_lost_is_shown_with_its_reason(bench: VirtualBench) -> None:
    bench.card.lost = "fallen off the bus"
    bench.clock.advance(1)
    card = bench.manager.planner.memory().data[0]
    assert (card.total, card.used, card.problem) == (None, None, "fallen off the bus")
    assert bench.manager.planner.plan("a").verdict is Verdict.NEVER


async def test_a_failure_that_stands_is_told_with_the_plan(bench: VirtualBench) -> None:
    assert bench.manager.planner.plan("a").failure is None
    bench.manager.ensure("w", "a", 1)
    bench.launcher.started[-1].end(1)
    failure = bench.manager.planner.plan("a").failure
    assert failure is not None and failure.kind is FailureKind.CRASH and failure.message.startswith("a: ")


async def test_how_good_its_estimates_were(bench: VirtualBench) -> None:
    assert (bench.manager.planner.plan("c").estimate_error, bench.manager.planner.runs("c")) == (None, ())
    process = await bench.load("c", 2)
    await_stop = bench.manager.stop_model("c", force=True)
    bench.end(process)
    await await_stop
    assert bench.manager.planner.plan("c").estimate_error == pytest.approx(1.0), "4 GiB were said, 2 were held"
    (run,) = bench.manager.planner.runs("c")
    assert (run.measured_device, run.error, run.short) == (
        2 * GIB,
        bench.manager.planner.plan("c").estimate_error,
        False,
    )


async def test_what_is_loaded_is_planned_anew_with_other_options(bench: VirtualBench) -> None:
    await bench.load("a", 14)
    found = await bench.manager.planner.fit("a", {}, {})
    assert (found.engine, found.plan.verdict, found.plan.evict) == ("llamacpp", Verdict.FITS, ())
    assert found.plan.claim["gpu0"] > 14 * GIB
    assert bench.manager.planner.plan("a").verdict is Verdict.READY
    assert (await bench.manager.planner.fit("huge", {}, {})).plan.verdict is Verdict.NEVER
