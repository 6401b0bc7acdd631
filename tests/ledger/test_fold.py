from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import event, select

from glowplug.domain.price import Price, Rates
from glowplug.domain.usage import AttemptClosed, AttemptOpened, Outcome, Record
from glowplug.ledger.fold import Folded, Folder, merge
from glowplug.ledger.journal import JournalWriter
from glowplug.ledger.segments import SegmentFiles
from glowplug.store import check, prices, rollups
from glowplug.store.attempts import AttemptStore
from glowplug.store.database import Database
from glowplug.store.places import Place
from glowplug.store.tables import attempts
from glowplug.store.usage import By, sums
from tests.ledger.builders import closed, opened
from tests.ledger.faults import FaultyFiles, Killed
from tests.still_clock import StillClock
from tests.support.postgres import Postgres

SEGMENT = 1024
CHEAP = Price(version="t", rates=Rates(prompt=3_000_000), request=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "glowplug.db"
    database = Database(file)
    database.open()
    database.call(lambda c: prices.note(c, {"m": CHEAP, "x": CHEAP, "y": CHEAP}, 1.0))
    database.close()
    return file


class World:
    """One state directory with any number of workers, and the truth to compare the ledger with."""

    def __init__(self, directory: Path, template: Path, place: Place | None = None) -> None:
        """`place`: a database that is there, instead of a copy of the template."""
        self.directory = directory
        if place is None:
            shutil.copy(template, directory / "glowplug.db")
        self.place = place or directory / "glowplug.db"
        self.database = Database(self.place)
        self.database.open()
        self.journal = directory / "journal"
        self.journal.mkdir()
        self.clock = StillClock()
        self.alive: dict[str, JournalWriter] = {}
        self.truth: dict[tuple[str, int], Record] = {}
        self.owner: dict[tuple[str, int], str] = {}
        self.started = 0

    def start(self) -> str:
        self.started += 1
        name = f"w0-{self.started}-1"
        self.alive[name] = JournalWriter(self.journal, name, self.clock, SEGMENT)
        return name

    def crash(self, name: str) -> None:
        """The process is gone; the pages stay."""
        self.alive.pop(name)

    def open(self, worker: str, record: AttemptOpened) -> None:
        self.alive[worker].opened(record)
        self.truth[record.request, record.attempt] = record
        self.owner[record.request, record.attempt] = worker

    def close(self, worker: str, record: AttemptClosed) -> None:
        self.alive[worker].closed(record)
        self.truth[record.request, record.attempt] = record
        self.owner.setdefault((record.request, record.attempt), worker)

    def folder(self, files: SegmentFiles | None = None) -> Folder:
        return Folder(self.journal, AttemptStore(self.database), lambda w: w not in self.alive, files, batch=3)

    def fold(self) -> Folded:
        return self.folder().fold()

    def fold_killed_at(self, step: int, after: bool) -> bool:
        """Fold, and die at the n-th system call, statement or commit.  True when it died."""
        files = FaultyFiles(step, after)

        def tick(*seen: object) -> None:
            # Dying right after BEGIN is dying before the first statement, but here the lock would outlive us.
            if not (after and "BEGIN IMMEDIATE" in seen):
                files.tick(after)

        engine = self.database.engine
        hooks = [(engine, "after_cursor_execute" if after else "before_cursor_execute"), (engine, "commit")]
        for target, name in hooks:
            event.listen(target, name, tick)
        try:
            self.folder(files).fold()
        except Killed:
            return True
        finally:
            for target, name in hooks:
                event.remove(target, name, tick)
        return False

    def rows(self) -> dict[tuple[str, int], tuple[str, str, int, int]]:
        found = self.database.call(lambda c: c.execute(select(attempts)).all())
        assert len({(r.request, r.attempt) for r in found}) == len(found)
        return {(r.request, r.attempt): (r.state, r.outcome, r.prompt_tokens, r.completion_tokens) for r in found}

    def expected(self) -> dict[tuple[str, int], tuple[str, str, int, int]]:
        wanted = {}
        for identity, record in self.truth.items():
            if isinstance(record, AttemptClosed):
                row = ("closed", record.outcome.value, record.prompt_tokens, record.completion_tokens)
            elif self.owner[identity] in self.alive:
                row = ("open", "", record.prompt_estimate, 0)
            else:
                row = ("interrupted", "interrupted", record.prompt_estimate, 0)
            wanted[identity] = row
        return wanted

    def check_rollups(self) -> None:
        """Whatever has been folded, the sums by scope and hour are those of the lines."""
        stored, computed = self.database.call(lambda c: (rollups.stored(c), rollups.computed(c)))
        assert stored == computed
        lines = self.database.call(lambda c: c.execute(select(attempts).where(attempts.c.state != "open")).all())
        assert self.database.call(lambda c: check.stretch(c, 0, 1)).problems == (0, 0)
        everything = [one for (scope, _, _), one in stored.items() if scope == "all"]
        assert sum(one.nano for one in everything) == sum(line.cost for line in lines)
        assert sum(one.attempts for one in everything) == len(lines)

    def check_sums(self) -> None:
        self.check_rollups()
        wanted: Counter[str] = Counter()
        for state, outcome, prompt, completion in self.expected().values():
            wanted["attempts"] += 1
            wanted["open"] += state == "open"
            wanted["interrupted"] += outcome == "interrupted"
            if state != "open":
                wanted["prompt"] += prompt
                wanted["completion"] += completion
        [total] = self.database.call(lambda c: sums(c, []))
        got = (total.attempts, total.open, total.interrupted, total.prompt_tokens, total.completion_tokens)
        assert got == tuple(wanted[n] for n in ("attempts", "open", "interrupted", "prompt", "completion"))
        for by in ([By.DAY], [By.MODEL, By.KEY], list(By)):
            parts = self.database.call(lambda c, by=by: sums(c, by))
            assert sum(p.prompt_tokens for p in parts) == total.prompt_tokens
            assert sum(p.attempts for p in parts) == total.attempts

    def files(self) -> list[str]:
        return sorted(os.listdir(self.journal))

    def end(self) -> None:
        for writer in self.alive.values():
            writer.seal()
        self.database.close()


@pytest.fixture
def world(tmp_path: Path, template: Path) -> Iterator[World]:
    world = World(tmp_path, template)
    yield world
    world.end()


def test_folding_again_changes_nothing(world: World) -> None:
    worker = world.start()
    world.open(worker, opened("a"))
    world.open(worker, opened("b"))
    world.close(worker, closed("a"))
    assert world.fold().records == 3
    assert world.rows() == world.expected()
    assert world.fold() == Folded()
    world.close(worker, closed("b", outcome=Outcome.TIMEOUT))
    assert world.fold().records == 1
    assert world.rows() == world.expected()


def test_open_attempts_of_a_dead_worker_are_interrupted_with_the_estimate(world: World) -> None:
    dead, alive = world.start(), world.start()
    world.open(dead, opened("a"))
    world.open(alive, opened("b"))
    world.fold()
    world.crash(dead)
    assert world.fold().interrupted == 1
    assert world.rows() == {
        ("a", 0): ("interrupted", "interrupted", 7, 0),
        ("b", 0): ("open", "", 7, 0),
    }
    [total] = world.database.call(lambda c: sums(c, []))
    assert (total.attempts, total.open, total.failed, total.interrupted, total.prompt_tokens) == (2, 1, 1, 1, 7)


def test_folded_segments_go_when_nobody_writes_to_them_any_more(world: World) -> None:
    worker = world.start()
    for n in range(40):
        world.open(worker, opened(f"r{n}"))
    before = world.files()
    folded = world.fold()
    assert folded.removed == len(before) - len(world.files()) >= 2
    assert world.rows() == world.expected()
    world.crash(worker)
    (world.journal / f"{worker}-5-9.gpj.new").touch()
    world.fold()
    assert world.files() == []
    world.fold()
    assert AttemptStore(world.database).positions() == {}


def test_nothing_is_deleted_before_its_records_are_on_the_disk(world: World) -> None:
    story: list[str] = []

    class Store(AttemptStore):
        def absorb(self, worker, segment, position, opened, closed) -> None:  # type: ignore[no-untyped-def]
            story.append("absorb")
            super().absorb(worker, segment, position, opened, closed)

        def sync(self) -> None:
            story.append("sync")
            super().sync()

    class Files(SegmentFiles):
        def remove(self, path: Path) -> None:
            story.append("remove")
            super().remove(path)

    worker = world.start()
    world.open(worker, opened("a"))
    folder = Folder(world.journal, Store(world.database), lambda w: w not in world.alive, Files())
    folder.fold()
    world.crash(worker)
    folder.fold()
    assert story == ["absorb", "sync", "remove"]


def test_it_gives_way_to_who_serves_while_it_folds(world: World) -> None:
    policies: list[int] = []

    class Store(AttemptStore):
        def absorb(self, worker, segment, position, opened, closed) -> None:  # type: ignore[no-untyped-def]
            policies.append(os.sched_getscheduler(0))
            super().absorb(worker, segment, position, opened, closed)

    world.open(world.start(), opened("a"))
    Folder(world.journal, Store(world.database), lambda w: w not in world.alive).fold()
    assert [*policies, os.sched_getscheduler(0)] == [os.SCHED_BATCH, os.SCHED_OTHER]


def test_a_close_that_turns_up_late_wins_over_interrupted_and_nothing_beats_a_close(world: World) -> None:
    store = AttemptStore(world.database)
    store.absorb("w", "s", 1, [opened("a")], [])
    store.settle("w")
    store.absorb("w", "s", 2, [], [closed("a", prompt=3)])
    store.absorb("w", "s", 3, [opened("a")], [closed("a", prompt=99)])
    assert store.settle("w") == 0
    assert world.rows() == {("a", 0): ("closed", "ok", 3, 5)}
    world.check_rollups()
    assert store.positions() == {"s": 3}


def test_records_of_the_release_before_are_folded(world: World) -> None:
    """The layout of 0.1.0: an attempt had no user, no cost, no trace."""
    writer = world.alive[world.start()]
    for record in (
        ["o", "r", 0, "k", "asked", "m", "chat", 1.5, 7],
        ["c", "r", 0, "k", "asked", "m", "chat", 1.5, 0.5, 0.1, 200, "ok", 3, 4, 1, False, True],
    ):
        writer.append(msgspec.msgpack.encode(record))
    assert world.fold() == Folded(records=2)
    [line] = world.database.call(lambda c: c.execute(select(attempts)).all())
    assert (line.state, line.prompt_tokens, line.completion_tokens, line.cached_tokens) == ("closed", 3, 4, 1)
    assert (line.user, line.team, line.tags, line.cost, line.price, line.trace) == ("", "", [], 0, "", "")
    world.check_rollups()


def test_a_damaged_segment_is_reported_kept_aside_and_does_not_stop_the_rest(world: World) -> None:
    worker = world.start()
    world.open(worker, opened("a"))
    world.open(worker, opened("b"))
    world.open(worker, opened("c"))
    [name] = world.files()
    data = bytearray((world.journal / name).read_bytes())
    data[64 + 100] ^= 1
    (world.journal / name).write_bytes(data)
    other = world.start()
    world.open(other, opened("z"))
    folded = world.fold()
    assert [d.segment for d in folded.damage] == [name]
    assert set(world.rows()) == {("a", 0), ("z", 0)}
    assert world.fold().damage == (), "reported once"
    world.open(worker, opened("later"))
    world.fold()
    assert ("later", 0) in world.rows(), "the writer of a damaged segment goes on"
    world.crash(worker)
    world.fold()
    kept = world.journal / name.replace(".gpj", ".gpj.damaged")
    assert kept.read_bytes()[:164] == bytes(data[:164])
    assert name not in world.files()


def test_a_file_that_is_no_segment_is_set_aside(world: World) -> None:
    (world.journal / "w0-1-1-5-1.gpj").write_bytes(b"nonsense")
    (world.journal / "README").write_bytes(b"mine")
    [damage] = world.fold().damage
    assert damage.segment == "w0-1-1-5-1.gpj"
    assert world.files() == ["README", "w0-1-1-5-1.gpj.damaged"]
    assert world.fold() == Folded()


def test_a_segment_that_goes_while_we_look_is_no_error(world: World) -> None:
    class Vanishing(SegmentFiles):
        def names(self, directory: Path) -> list[str]:
            return ["w0-1-1-5-1.gpj"]

    assert world.folder(Vanishing()).fold() == Folded()


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_step_and_folded_again_the_ledger_is_exact(tmp_path: Path, template: Path, after: bool) -> None:
    step, died = 0, True
    while died:
        step += 1
        directory = tmp_path / str(step)
        directory.mkdir()
        world = World(directory, template)
        first = world.start()
        for n in range(6):
            world.open(first, opened(f"r{n}", day=n % 2))
            if n % 3:
                world.close(first, closed(f"r{n}", day=n % 2, prompt=n))
        world.crash(first)
        second = world.start()
        world.open(second, opened("s"))
        died = world.fold_killed_at(step, after)
        rows = world.rows()
        assert set(rows) <= set(world.truth)
        world.check_rollups()
        world.fold()
        assert world.rows() == world.expected()
        world.check_sums()
        world.fold()
        assert [name.startswith(second) for name in world.files()] == [True]
        world.end()
    assert step > 20


class LedgerMachine(RuleBasedStateMachine):
    """Workers open, close, crash and come back; the fold runs, and is killed, at any moment between."""

    template: Path
    server: Postgres | None = None

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="glowplug-ledger-"))
        self.name = ""
        place = None
        if self.server is not None:
            self.name = self.server.create(self.server.current())
            place = self.server.place(self.name)
        self.world = World(self.directory, self.template, place)
        if place is not None:
            self.world.database.call(lambda c: prices.note(c, {"m": CHEAP, "x": CHEAP, "y": CHEAP}, 1.0))
        self.count = 0
        self.folded = True

    def worker(self, draw: int) -> str:
        names = sorted(self.world.alive)
        return names[draw % len(names)]

    @rule()
    @precondition(lambda self: len(self.world.alive) < 3)
    def start(self) -> None:
        self.world.start()

    @rule(draw=st.integers(0, 9), attempt=st.integers(0, 2), day=st.integers(0, 2), model=st.sampled_from("xy"))
    @precondition(lambda self: self.world.alive)
    def open(self, draw: int, attempt: int, day: int, model: str) -> None:
        self.count += 1
        self.world.open(self.worker(draw), opened(f"r{self.count}", attempt, day=day, model=model))
        self.folded = False

    @rule(draw=st.integers(0, 99), prompt=st.integers(0, 1000), outcome=st.sampled_from(Outcome))
    @precondition(lambda self: self.world.alive)
    def close(self, draw: int, prompt: int, outcome: Outcome) -> None:
        mine = [
            r
            for identity, r in self.world.truth.items()
            if isinstance(r, AttemptOpened) and self.world.owner[identity] in self.world.alive
        ]
        if mine:
            r = mine[draw % len(mine)]
            day = int(r.started - 1_764_000_000) // 86_400
            record = closed(r.request, r.attempt, model=r.model, day=day, prompt=prompt, outcome=outcome)
            self.world.close(self.world.owner[r.request, r.attempt], record)
            self.folded = False

    @rule(draw=st.integers(0, 99), prompt=st.integers(0, 1000))
    @precondition(lambda self: self.world.alive)
    def turn_up(self, draw: int, prompt: int) -> None:
        """In another segment: the end of an attempt whose worker is gone, or an end that is known, once more."""
        world = self.world
        found = [r for i, r in world.truth.items() if isinstance(r, AttemptClosed) or world.owner[i] not in world.alive]
        if found:
            r = found[draw % len(found)]
            if isinstance(r, AttemptOpened):
                day = int(r.started - 1_764_000_000) // 86_400
                r = closed(r.request, r.attempt, model=r.model, day=day, prompt=prompt)
            world.close(self.worker(draw), r)
            self.folded = False

    @rule(draw=st.integers(0, 9))
    @precondition(lambda self: self.world.alive)
    def crash(self, draw: int) -> None:
        self.world.crash(self.worker(draw))
        self.folded = False

    @rule(draw=st.integers(0, 9))
    @precondition(lambda self: self.world.alive)
    def leave(self, draw: int) -> None:
        name = self.worker(draw)
        self.world.alive[name].seal()
        self.world.crash(name)
        self.folded = False

    @rule()
    def fold(self) -> None:
        self.world.fold()
        self.folded = True

    @rule(step=st.integers(1, 40), after=st.booleans())
    def fold_killed(self, step: int, after: bool) -> None:
        died = self.world.fold_killed_at(step, after)
        self.folded = self.folded or not died

    @rule()
    def restart_of_control(self) -> None:
        self.world.database.close()
        self.world.database = Database(self.world.place)
        self.world.database.open()

    @invariant()
    def exact(self) -> None:
        rows = self.world.rows()
        assert set(rows) <= set(self.world.truth)
        self.world.check_rollups()
        if self.folded:
            assert rows == self.world.expected()
            self.world.check_sums()

    def teardown(self) -> None:
        try:
            self.world.fold()
            assert self.world.rows() == self.world.expected()
            self.world.check_sums()
        finally:
            self.world.end()
            if self.server is not None:
                self.server.drop(self.name)
            shutil.rmtree(self.directory)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_story_ends_in_an_exact_ledger(template: Path, kind: str, request: pytest.FixtureRequest) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    LedgerMachine.template = template
    LedgerMachine.server = request.getfixturevalue("postgres_server") if kind == "postgresql" else None
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.booleans())), st.integers())
def test_merge_keeps_one_record_an_attempt_whatever_the_order(items: list[tuple[str, int, bool]], seed: int) -> None:
    records: list[Record] = [(closed if ended else opened)(name, n) for name, n, ended in items]
    one = merge(records)
    ended = {(r.request, r.attempt) for r in records if isinstance(r, AttemptClosed)}
    begun = {(r.request, r.attempt) for r in records if isinstance(r, AttemptOpened)}
    assert [(r.request, r.attempt) for r in one[0]] == list(
        dict.fromkeys(i for i in _identities(one[0]) if i not in ended)
    )
    assert set(_identities(one[0])) == begun - ended
    assert set(_identities(one[1])) == ended
    random.Random(seed).shuffle(records)
    two = merge([*records, *records])
    assert [set(_identities(part)) for part in two] == [set(_identities(part)) for part in one]


def _identities(records: tuple[AttemptOpened, ...] | tuple[AttemptClosed, ...]) -> list[tuple[str, int]]:
    return [(r.request, r.attempt) for r in records]
