"""The fake Ollama's scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from glowplug.testing.fake_ollama_runners import MIB, PER_TOKEN, OllamaError, Pulled, Runners, Terms
from tests.waiting import until

LIBRARY = {name: Pulled(name, size * MIB) for name, size in {"a": 100, "b:1": 200, "c": 300}.items()}
SMALL = {"num_ctx": 16}


class Bench:
    def __init__(self, terms: Terms) -> None:
        self.held: dict[int, int] = {}
        self.runners = Runners(LIBRARY, terms, self.held.__setitem__, lambda text: None)

    async def call(self, name: str, options: dict[str, Any] | None = None, keep_alive: float | None = -1) -> None:
        model = self.runners.find(name)
        kept = float("inf") if keep_alive == -1 else keep_alive
        async with self.runners.use(model, SMALL if options is None else options, kept):
            pass

    @property
    def names(self) -> list[str]:
        return sorted(runner.model.name for runner in self.runners.loaded.values())


@pytest.fixture
def bench() -> Iterator[Any]:
    made: list[Bench] = []

    def make(**terms: Any) -> Bench:
        made.append(Bench(Terms(**terms)))
        return made[-1]

    yield make
    for one in made:
        one.runners.close()


async def test_a_call_loads_once_and_finds_it_again(bench: Any) -> None:
    one = bench()
    await one.call("a")
    await one.call("A:latest")
    assert one.runners.counts.loads == {"a": 1} and one.runners.counts.reloads == {}
    [pid] = one.held
    assert one.held[pid] == 100 * MIB + 16 * PER_TOKEN


async def test_another_context_reloads_and_no_context_means_the_daemons(bench: Any) -> None:
    one = bench(context=16)
    await one.call("a")
    await one.call("a", {})
    assert one.runners.counts.reloads == {}
    await one.call("a", {"num_ctx": 32})
    await one.call("a", {"temperature": 0.5})
    assert one.runners.counts.reloads == {"a": 2} and one.runners.counts.loads == {"a": 3}
    assert sum(size > 0 for size in one.held.values()) == 1


async def test_keep_alive_counts_from_the_end_and_zero_unloads(bench: Any) -> None:
    one = bench()
    await one.call("a", keep_alive=0.02)
    await until(lambda: one.names == [])
    await one.call("a")
    async with one.runners.use(one.runners.find("a"), SMALL, None):
        one.runners.expire(one.runners.find("a"))
        await asyncio.sleep(0.05)
        assert one.names == ["a"], "not while it is used"
    await until(lambda: one.names == [] and set(one.held.values()) == {0})


async def test_a_full_daemon_evicts_the_idle_one_that_would_go_first(bench: Any) -> None:
    one = bench(most=2)
    await one.call("a", keep_alive=1000)
    await one.call("b:1", keep_alive=500)
    await one.call("c")
    assert one.names == ["a", "c"] and one.runners.counts.evicted == 1


async def test_what_does_not_fit_is_refused_with_ollamas_words(bench: Any) -> None:
    one = bench(device=250 * MIB)
    await one.call("b:1")
    await one.call("a")
    assert one.names == ["a"], "the idle one made room"
    async with one.runners.use(one.runners.find("a"), SMALL, None):
        with pytest.raises(OllamaError, match="requires more GPU memory"):
            await one.call("b:1")
    await one.call("c", {"num_ctx": 16, "num_gpu": 0})
    assert one.names == ["a", "c"], "what is kept off the device needs nothing of it"


async def test_a_client_that_leaves_cancels_its_load(bench: Any) -> None:
    one = bench(load=30)
    load = asyncio.ensure_future(one.call("a"))
    await until(lambda: one.names == ["a"])
    load.cancel()
    await asyncio.wait([load])
    assert one.names == [] and one.runners.counts.cancelled == 1 and set(one.held.values()) == {0}


async def test_a_loaded_model_serves_while_another_loads(bench: Any) -> None:
    one = bench()
    await one.call("a")
    one.runners.terms = Terms(load=30)
    load = asyncio.ensure_future(one.call("c"))
    await until(lambda: one.names == ["a", "c"])
    await asyncio.wait_for(one.call("a"), 5)
    load.cancel()
    await asyncio.wait([load])


async def test_a_dead_runner_is_loaded_again(bench: Any) -> None:
    one = bench()
    await one.call("a")
    [runner] = one.runners.loaded.values()
    runner.process.kill()
    runner.process.wait()
    assert one.names == ["a"], "nobody notices before the next call"
    await one.call("a")
    assert one.runners.counts.loads == {"a": 2}


async def test_unknown_models_and_failing_loads(bench: Any) -> None:
    one = bench(load_error="unable to load model: /x")
    with pytest.raises(OllamaError) as unknown:
        one.runners.find("b")
    assert (unknown.value.status, str(unknown.value)) == (404, "model 'b' not found")
    with pytest.raises(OllamaError, match="unable to load"):
        await one.call("a")
    assert one.names == []
