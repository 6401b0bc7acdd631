"""Whatever happens to workers, clients, upstreams, prices and control: ledger, counters and budgets stay exact."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from glowplug.gateway.attempts import Attempt
from glowplug.store import check, rollups
from glowplug.store.database import Database
from glowplug.store.tables import attempts
from glowplug.usecases.ledger import LedgerCheck
from glowplug.wire.openai import estimate_tokens
from tests.gateway.rig import ANSWER, END, STREAM_HEAD, Up, chat, delta, events, whole
from tests.gateway.whole import KEY_ID, MODEL_NAMES, Line, Whole, Worker
from tests.support.sqlite import put

DRAW = st.integers(0, 99)
NAMES = st.sampled_from(["both", "back"])


class Accounting(RuleBasedStateMachine):
    """Two workers, two models behind two names, one key with one budget."""

    loop: asyncio.AbstractEventLoop
    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="gp-"))

    @initialize(amount=st.sampled_from([0, 150, 600, 2000, 5000]))
    def begin(self, amount: int) -> None:
        self.database = self.open()
        self.whole = Whole(self.directory, self.loop, self.database, amount)

    def open(self) -> Database:
        file = self.directory / "glowplug.db"
        if not file.exists():
            shutil.copy(self.template, file)
        database = Database(file)
        database.open()
        return database

    def flight(self, draw: int) -> tuple[Worker, Up, Attempt] | None:
        found = [(worker, up, attempt) for worker in self.whole.living for up, attempt in worker.flights()]
        return found[draw % len(found)] if found else None

    # ---- start, event, usage, disconnect

    @rule(draw=DRAW, name=NAMES, stream=st.booleans(), most=st.integers(1, 40), times=st.integers(1, 3))
    @precondition(lambda self: self.whole.living)
    def start(self, draw: int, name: str, stream: bool, most: int, times: int) -> None:
        """A request: nothing is asked when nothing is left, and nobody hears of the budget while something is."""
        whole = self.whole
        for number in range(times):
            worker = whole.living[(draw + number) % len(whole.living)]
            left = whole.budget.amount - whole.known()
            before = len(worker.flights())
            client = worker.rig.ask(chat(name, stream=stream, max_tokens=most))
            worker.clients.append(client)
            asked = len(worker.flights()) - before
            assert asked == 0 if left <= 0 else asked <= 1
            if left > 0 and client.wire.data:
                assert client.answer.code != "budget_exceeded"

    @rule(draw=DRAW, times=st.integers(1, 3))
    def event(self, draw: int, times: int) -> None:
        """Content arrives, never more of it than was asked for."""
        if (flight := self.flight(draw)) is None:
            return
        worker, up, attempt = flight
        if not attempt.call.body.stream:
            return
        for _ in range(times):
            if attempt.events < _most(attempt):
                self.say(worker, up, attempt, events(delta("x")))

    def say(self, worker: Worker, up: Up, attempt: Attempt, data: bytes) -> None:
        up.say((b"" if attempt.status else STREAM_HEAD) + data)
        worker.rig.spin()

    @rule(draw=DRAW, prompt=st.integers(0, 99), completion=st.integers(0, 99), trouble=st.sampled_from(["", "", "500"]))
    def usage(self, draw: int, prompt: int, completion: int, trouble: str) -> None:
        """The upstream ends and says what it counted, or refuses."""
        if (flight := self.flight(draw)) is None:
            return
        worker, up, attempt = flight
        if trouble and not attempt.status:
            up.say(whole({"error": {"message": "no"}}, 500))
            worker.rig.spin()
            return
        prompt = min(prompt, estimate_tokens(len(attempt.call.body.data)))
        completion = min(completion, _most(attempt))
        usage = {"prompt_tokens": prompt, "completion_tokens": completion}
        if attempt.call.body.stream:
            self.say(worker, up, attempt, events({"choices": [], "usage": usage}, "[DONE]"))
            up.say(END)  # apart: by then the attempt is over, and must not be over again
            worker.rig.spin()
        else:
            up.say(whole({**ANSWER, "usage": usage}))
            worker.rig.spin()
        last = worker.journal.records[-1]
        assert (last.request, last.prompt_tokens, last.completion_tokens) == (  # type: ignore[union-attr]
            attempt.call.request_id, prompt, completion,
        )  # fmt: skip

    @rule(draw=DRAW, client=st.booleans())
    def disconnect(self, draw: int, client: bool) -> None:
        if client:
            there = [(w, c) for w in self.whole.living for c in w.clients if not c.wire.closing]
            if there:
                worker, one = there[draw % len(there)]
                one.wire.lose()
                worker.rig.spin()
        elif (flight := self.flight(draw)) is not None:
            worker, up, _ = flight
            up.wire.lose(ConnectionResetError())
            worker.rig.spin()

    # ---- crash, restart, fold, price change

    @rule(draw=DRAW, told=st.booleans(), hide=st.booleans())
    @precondition(lambda self: self.whole.living)
    def crash(self, draw: int, told: bool, hide: bool) -> None:
        """kill -9, of a worker that has something to lose if there is one."""
        living = self.whole.living
        busy = [worker for worker in living if worker.flights()] or living
        self.whole.crash(busy[draw % len(busy)], told, hide)

    @rule(index=st.integers(0, 1))
    def restart(self, index: int) -> None:
        if all(worker.index != index for worker in self.whole.living):
            self.whole.start(index)

    @rule()
    def restart_of_control(self) -> None:
        self.database.close()
        self.database = self.whole.database = self.open()
        self.whole.restart_control()

    @rule()
    def find(self) -> None:
        """Segments that could not be seen are there again: what was interrupted turns out to have ended."""
        self.whole.find()

    @rule()
    def fold(self) -> None:
        self.whole.fold()
        self.check_lines()

    @rule(model=st.sampled_from(MODEL_NAMES), rate=st.sampled_from([500_000, 1_000_000, 4_000_000]))
    def price_change(self, model: str, rate: int) -> None:
        self.whole.change_price(model, rate)

    # ---- what is always so

    def check_lines(self) -> None:
        """After a fold the ledger is what happened."""
        found = self.database.call(lambda c: c.execute(select(attempts)).all())
        lines = {(row.request, row.attempt): Line(row.state, row.cost, row.price) for row in found}
        assert len(lines) == len(found)
        assert lines == self.whole.expected()
        whole = self.database.call(lambda c: check.stretch(c, 0, 100, lines=1 << 30))
        settled = [line for line in lines.values() if line.state != "open"]
        assert (whole.lines, whole.costs, whole.problems) == (len(settled), (), (0, 0))

    @invariant()
    def the_sums_are_those_of_the_lines(self) -> None:
        stored, computed = self.database.call(lambda c: (rollups.stored(c), rollups.computed(c)))
        assert stored == computed

    @invariant()
    def counters_are_lines_and_what_has_ended_since(self) -> None:
        state = self.whole.metering.states()["b"]
        assert state.spent == self.whole.folded + self.whole.closed_since
        for worker in self.whole.living:
            assert worker.account().spent() == state.spent

    @invariant()
    def reserved_is_what_is_under_way(self) -> None:
        held = self.whole.held()
        assert self.whole.metering.states()["b"].reserved == held
        for worker in self.whole.living:
            assert worker.account().reserved() == held

    @invariant()
    def no_budget_is_passed_by_more_than_one(self) -> None:
        whole = self.whole
        assert whole.spent_or_held() <= whole.budget.amount + whole.dearest + whole.slack

    @invariant()
    def every_attempt_ends_once(self) -> None:
        whole = self.whole
        assert max(whole.ends.values(), default=0) <= 1
        for worker in whole.living:
            begun = {(r.request, r.attempt) for r in worker.journal.records}
            under_way = {(a.call.request_id, a.call.attempts - 1) for _, a in worker.flights()}
            assert begun == under_way | (begun & whole.ends.keys()), "an attempt is over and nothing says so"
            assert not under_way & whole.ends.keys()

    def teardown(self) -> None:
        if not hasattr(self, "whole"):
            return
        try:
            self.last_crash()
            self.late_end()
            for number in range(20):
                self.usage(number, 5, 5, "")
            self.whole.find()
            for worker in self.whole.living:
                worker.hang_up()
            self.every_attempt_ends_once()
            self.whole.fold()
            self.check_lines()
            self.counters_are_lines_and_what_has_ended_since()
            checked = self.loop.run_until_complete(self.look().check())
            assert checked.ok, checked.findings
            total = sum(line.cost for line in self.whole.expected().values())
            assert sum(one.nano for (s, n, _), one in self.sums().items() if (s, n) == ("key", KEY_ID)) == total
        finally:
            for worker in self.whole.living:
                worker.die()
            self.database.close()
            shutil.rmtree(self.directory)

    def last_crash(self) -> None:
        """Every story has it: the price changes, a worker is killed with something under way, another takes over."""
        whole = self.whole
        if not whole.living:
            whole.start(0)
        self.start(0, "both", True, 10, 2)
        for model in MODEL_NAMES:
            whole.change_price(model, 7_000_000)
        busy = ([worker for worker in whole.living if worker.flights()] or whole.living)[0]
        whole.crash(busy, told=False, hide=False)
        whole.start(busy.index)
        self.reserved_is_what_is_under_way()
        self.fold()
        self.counters_are_lines_and_what_has_ended_since()

    def late_end(self) -> None:
        """Every story has it, too: what was taken for interrupted turns out to have ended."""
        whole = self.whole
        self.start(0, "back", False, 10, 1)
        self.fold()
        worker = whole.living[0]
        for number in range(len(worker.flights())):
            self.usage(number, 5, 5, "")
        whole.crash(worker, told=True, hide=True)
        self.fold()
        whole.find()
        self.fold()
        self.the_sums_are_those_of_the_lines()
        self.counters_are_lines_and_what_has_ended_since()

    def sums(self) -> rollups.Sums:
        return self.database.call(rollups.stored)

    def look(self) -> LedgerCheck:
        async def noted() -> None: ...

        whole = self.whole
        return LedgerCheck(self.database, whole.journal, whole.metering.fold, whole.gone, noted, lambda _problems: None)


def _most(attempt: Attempt) -> int:
    """The longest answer that the request allows."""
    return int(json.loads(attempt.call.body.data)["max_tokens"])


@pytest.fixture
def template(tmp_path: Path) -> Path:
    put(tmp_path / "template.db")
    return tmp_path / "template.db"


def test_whatever_happens_the_accounts_are_exact(template: Path) -> None:
    Accounting.template = template
    Accounting.loop = uvloop.new_event_loop()
    try:
        run_state_machine_as_test(
            Accounting,
            settings=settings(
                max_examples=40,
                stateful_step_count=40,
                deadline=None,
                phases=(
                    Phase.reuse,
                    Phase.generate,
                ),  # a story takes a tenth of a second, and shrinking thousands of them
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    finally:
        Accounting.loop.close()
