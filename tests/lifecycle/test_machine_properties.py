"""Random histories of one instance, with workers on links that delay messages, must keep the promises."""

from __future__ import annotations

from collections import deque

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from glowplug.domain.instance import Failure, FailureKind, State
from glowplug.engines.base import Readiness
from glowplug.lifecycle import events as ev
from glowplug.lifecycle.events import Policy
from glowplug.lifecycle.machine import Machine

KINDS = st.sampled_from([FailureKind.CRASH, FailureKind.PORT_TAKEN, FailureKind.OUT_OF_MEMORY, FailureKind.BAD_FLAG])


class Worker:
    """A gateway worker as the link's contract describes it."""

    def __init__(self) -> None:
        self.inbox: deque[tuple[int, str]] = deque()
        self.outbox: deque[tuple[int, ev.Event]] = deque()
        self.instance = 0
        self.granted = False
        self.revoked = False
        self.leases = 0
        self.waiting = 0


class World:
    """The machine, one process at most, two workers."""

    def begin(self, keep_alive: float, fixed: bool, sleeps: bool = False) -> None:
        self.sleeps = sleeps
        self.policy = Policy("d0", keep_alive=keep_alive, stop_timeout=3.0, fixed_port=fixed, sleeps=sleeps)
        self.machine = Machine(self.policy)
        self.now = 100.0
        self.launches = 0
        self.launching = False
        self.process = "none"
        self.sigterm = self.killed = self.watching = self.checking = False
        self.asking = self.falling_asleep = self.waking = self.asleep = False
        self.rough = False
        self.workers = {"a": Worker(), "b": Worker()}
        for name in self.workers:
            self.post(ev.WorkerJoined(name))

    # ---- the machine's effects on the world

    def post(self, event: ev.Event) -> None:
        before = self.machine.state
        effects = self.machine.handle(self.now, event)
        forced = isinstance(event, ev.StopAsked) and event.force
        self.rough = forced or isinstance(event, (ev.Exited, ev.Checked, ev.LaunchFailed))
        for effect in effects:
            self.do(effect, before)
        deadline = self.machine.deadline()
        assert deadline is None or deadline > self.now, (self.machine.state, deadline, self.now)
        wants = self.machine.state is State.QUEUED or (self.machine.state is State.ASLEEP and self.machine._waking)
        assert self.asking is wants, f"{self.machine.state}: memory is asked for by somebody who does not want it"

    def do(self, effect: ev.Effect, before: State) -> None:
        if isinstance(effect, ev.Admit):
            self.asking = True
        elif isinstance(effect, ev.Withdraw):
            self.asking = False
        elif isinstance(effect, ev.Sleep):
            self.check_drained(before)
            assert self.process == "up" and not self.asleep and not self.falling_asleep
            self.falling_asleep = True
        elif isinstance(effect, ev.Wake):
            assert self.asleep and not self.asking, "woken without memory"
            self.waking, self.asleep = True, False
        elif isinstance(effect, ev.Launch):
            assert self.process == "none" and not self.launching, "a second process"
            assert not self.asking, "started without memory"
            self.launches += 1
            self.launching = True
            self.sigterm = self.killed = self.watching = self.checking = False
        elif isinstance(effect, ev.Grant):
            assert self.machine.state in (State.READY, State.BUSY) and not self.asleep
            assert self.process == "up" or self.process == "ended"
            self.workers[effect.worker].inbox.append((self.launches, "grant"))
        elif isinstance(effect, ev.Revoke):
            self.workers[effect.worker].inbox.append((self.launches, "revoke"))
        elif isinstance(effect, ev.Terminate):
            self.check_drained(before)
            self.sigterm = True
            if self.launching:
                self.launching = False
                self.post(ev.GroupGone())
        elif isinstance(effect, ev.Kill):
            self.killed = True
        elif isinstance(effect, ev.WatchRelease):
            self.watching = True
        elif isinstance(effect, ev.CheckAlive):
            assert not self.checking
            self.checking = True
        elif isinstance(effect, ev.AnnounceFailure):
            for worker in self.workers.values():
                worker.inbox.append((self.launches, "failed"))
        elif isinstance(effect, ev.Forget):
            assert self.process == "none"

    def check_drained(self, before: State) -> None:
        """SIGTERM after a drain: nobody uses it, and nobody can begin to."""
        if before in (State.STARTING, State.LOADING) or self.rough:
            return
        for worker in self.workers.values():
            if worker.instance == self.launches:
                assert not worker.leases and not worker.granted
            assert (self.launches, "grant") not in worker.inbox

    # ---- time and the process

    def time_passes(self, seconds: float) -> None:
        end = self.now + seconds
        for _ in range(50):
            deadline = self.machine.deadline()
            if deadline is None or deadline > end:
                break
            self.now = deadline
            self.post(ev.Tick())
        self.now = end

    def launch_ends(self, fails: FailureKind | None) -> None:
        self.launching = False
        if fails:
            self.post(ev.LaunchFailed(Failure(kind=fails, message="missing"), "s"))
        else:
            self.process = "up"
            self.post(ev.Launched("s"))

    def memory_given(self) -> None:
        if self.asking:
            self.asking = False
            self.post(ev.Admitted())

    def memory_refused(self) -> None:
        if self.asking:
            self.asking = False
            refusal = Failure(kind=FailureKind.NO_ROOM, message="no room")
            self.post(ev.NotAdmitted(refusal, self.now + 2.0))

    def evict(self) -> None:
        self.post(ev.EvictAsked("another one needs it"))

    def sleep_ends(self, well: bool) -> None:
        if self.falling_asleep:
            self.falling_asleep = False
            self.asleep = well and self.machine.state is State.DRAINING
            self.post(ev.FellAsleep("" if well else "it held on to its memory"))
            self.asleep = self.asleep and self.process == "up"

    def wake_ends(self, well: bool) -> None:
        if self.waking:
            self.waking = False
            self.post(ev.Woken(None if well else Failure(kind=FailureKind.OUT_OF_MEMORY, message="no memory")))

    def probe(self, readiness: Readiness) -> None:
        self.post(ev.Probed(readiness))

    def process_ends(self, kind: FailureKind, child: bool) -> None:
        self.process = "ended" if child else "none"
        self.falling_asleep = self.waking = self.asleep = False
        self.post(ev.Exited(Failure(kind=kind, message="ended")))
        if self.process == "none" and self.watching:
            self.post(ev.GroupGone())

    def look_at_group(self) -> None:
        if self.killed:
            self.process = "none"
            self.post(ev.GroupGone())
        else:
            self.post(ev.Survivors((4711,)))

    def check_ends(self, alive: bool) -> None:
        self.checking = False
        self.post(ev.Checked(None if alive else Failure(kind=FailureKind.HANG, message="hangs")))

    # ---- people

    def stop(self, force: bool) -> None:
        self.post(ev.StopAsked(force))

    def start(self) -> None:
        self.post(ev.Ensure(explicit=True, stamp="s"))

    def reconfigure(self, digest: str, keep_alive: float) -> None:
        self.post(ev.Reconfigured(Policy(digest, keep_alive=keep_alive, stop_timeout=3.0, sleeps=self.sleeps)))

    # ---- workers

    def request(self, name: str, waiting: int) -> None:
        worker = self.workers[name]
        if worker.granted:
            self.lease(name)
        else:
            worker.waiting = max(worker.waiting, waiting)
            worker.outbox.append((0, ev.Ensure(name, worker.waiting, stamp="s")))

    def lease(self, name: str) -> None:
        worker = self.workers[name]
        worker.leases += 1
        if worker.leases == 1:
            worker.outbox.append((worker.instance, ev.LeaseReport(name, True)))

    def response_ends(self, name: str) -> None:
        worker = self.workers[name]
        if worker.leases:
            worker.leases -= 1
            if not worker.leases:
                worker.outbox.append((worker.instance, ev.LeaseReport(name, False)))
                if worker.revoked:
                    worker.revoked = False
                    worker.outbox.append((worker.instance, ev.Drained(name)))

    def client_leaves(self, name: str) -> None:
        worker = self.workers[name]
        if worker.waiting:
            worker.waiting = 0
            worker.outbox.append((0, ev.WaitersChanged(name, 0)))

    def worker_reads(self, name: str) -> None:
        worker = self.workers[name]
        if not worker.inbox:
            return
        instance, message = worker.inbox.popleft()
        if message == "failed":
            worker.waiting = 0
        elif message == "grant":
            if instance != worker.instance:
                worker.leases = 0
            worker.instance, worker.granted, worker.revoked = instance, True, False
            if worker.waiting:
                worker.waiting = 0
                self.lease(name)
        elif instance == worker.instance:
            worker.granted = False
            worker.revoked = worker.leases > 0
            if not worker.leases:
                worker.outbox.append((instance, ev.Drained(name)))

    def control_reads(self, name: str) -> None:
        worker = self.workers[name]
        if worker.outbox:
            instance, event = worker.outbox.popleft()
            # the manager drops what names an instance that is gone
            if instance in (0, self.launches) and not (instance and self.process == "none"):
                self.post(event)

    def worker_restarts(self, name: str) -> None:
        self.workers[name] = Worker()
        self.post(ev.WorkerLeft(name))
        self.post(ev.WorkerJoined(name))

    def suspect(self) -> None:
        if self.machine.state in (State.READY, State.BUSY):
            self.post(ev.Suspected("reset"))

    # ---- in the end

    def teardown(self) -> None:
        if not hasattr(self, "machine"):
            return
        self.settle()
        for name, worker in self.workers.items():
            assert not worker.waiting, f"{name} waits for ever in {self.machine.state}"
        self.post(ev.StopAsked(force=True))
        self.settle(leases=True)
        self.time_passes(1000.0)
        self.settle(leases=True)
        assert self.process == "none" and not self.launching
        assert self.machine.state in (State.STOPPED, State.FAILED)

    def settle(self, leases: bool = False) -> None:
        """Let everything that is under way come to its end, as a well-behaved world would."""
        for _ in range(60):
            for name, worker in self.workers.items():
                while worker.inbox:
                    self.worker_reads(name)
                while worker.outbox:
                    self.control_reads(name)
                while worker.leases:
                    self.response_ends(name)
            self.memory_given()
            self.sleep_ends(True)
            self.wake_ends(True)
            if self.launching:
                self.launch_ends(None)
            if self.checking:
                self.check_ends(True)
            if self.process == "up" and self.machine.coming:
                self.probe(Readiness.READY)
            if self.process == "up" and (self.sigterm or self.killed):
                self.process_ends(FailureKind.CRASH, True)
            if self.process == "ended" and self.watching:
                self.look_at_group()
            self.time_passes(1.0)

    # ---- longer steps

    def load(self) -> None:
        """Somebody wants it and it becomes ready."""
        self.request("a", 1)
        self.deliver()
        self.memory_given()
        self.wake_ends(True)
        if self.launching:
            self.launch_ends(None)
        if self.process == "up" and self.machine.coming:
            self.probe(Readiness.READY)
        self.deliver()

    def deliver(self, names: str = "ab") -> None:
        for name in names:
            while self.workers[name].inbox or self.workers[name].outbox:
                self.worker_reads(name)
                self.control_reads(name)

    def visit(self) -> None:
        """One whole request of worker b, with every message delivered at once."""
        self.request("b", 1)
        self.deliver("b")
        if self.process == "up" and self.machine.coming:
            self.probe(Readiness.READY)
        self.deliver("b")
        self.response_ends("b")
        self.deliver("b")

    def until_deadline(self) -> None:
        """Time passes until the machine has something to do."""
        deadline = self.machine.deadline()
        if deadline is not None:
            self.now = deadline
            self.post(ev.Tick())

    def obeys(self) -> None:
        """The process does what SIGTERM asks; a child of it needs SIGKILL."""
        if self.process == "up" and self.sigterm:
            self.process_ends(FailureKind.CRASH, True)


def test_a_drained_that_crosses_a_new_grant_is_not_believed() -> None:
    """The history that is hardest to find by chance."""
    w = World()
    w.begin(keep_alive=5.0, fixed=False)
    w.load()
    w.response_ends("a")
    w.deliver()
    w.until_deadline()
    w.worker_reads("a")  # revoked; its answer stays under way
    w.visit()  # calls the drain off
    w.until_deadline()
    assert w.machine.state is State.DRAINING
    w.worker_reads("a")  # granted again
    w.request("a", 1)
    w.worker_reads("a")  # revoked again, and busy now
    w.deliver("b")
    w.control_reads("a")  # the first answer
    assert w.machine.state is State.DRAINING
    w.teardown()


NAMES = st.sampled_from("ab")
SETTINGS = settings(max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))


class Anything(World, RuleBasedStateMachine):
    """Everything may happen at any time."""

    begin = initialize(keep_alive=st.sampled_from([0.0, 5.0, 300.0]), fixed=st.booleans(), sleeps=st.booleans())(
        World.begin
    )
    load = rule()(World.load)
    deliver = rule()(World.deliver)
    until_deadline = rule()(World.until_deadline)
    time_passes = rule(seconds=st.sampled_from([0.01, 1.0, 6.0, 30.0, 400.0]))(World.time_passes)
    launch_ends = precondition(lambda self: self.launching)(
        rule(fails=st.sampled_from([None, None, FailureKind.MISSING_FILE]))(World.launch_ends)
    )
    probe = precondition(lambda self: self.process == "up")(
        rule(readiness=st.sampled_from(list(Readiness)))(World.probe)
    )
    process_ends = precondition(lambda self: self.process == "up")(
        rule(kind=KINDS, child=st.booleans())(World.process_ends)
    )
    look_at_group = precondition(lambda self: self.process == "ended" and self.watching)(rule()(World.look_at_group))
    check_ends = precondition(lambda self: self.checking)(rule(alive=st.booleans())(World.check_ends))
    memory_given = rule()(World.memory_given)
    memory_refused = rule()(World.memory_refused)
    evict = rule()(World.evict)
    sleep_ends = rule(well=st.booleans())(World.sleep_ends)
    wake_ends = rule(well=st.booleans())(World.wake_ends)
    stop = rule(force=st.booleans())(World.stop)
    start = rule()(World.start)
    reconfigure = rule(digest=st.sampled_from(["d0", "d1"]), keep_alive=st.sampled_from([0.0, 60.0]))(World.reconfigure)
    request = rule(name=NAMES, waiting=st.integers(0, 2))(World.request)
    response_ends = rule(name=NAMES)(World.response_ends)
    client_leaves = rule(name=NAMES)(World.client_leaves)
    worker_reads = rule(name=NAMES)(World.worker_reads)
    control_reads = rule(name=NAMES)(World.control_reads)
    worker_restarts = rule(name=NAMES)(World.worker_restarts)
    suspect = rule()(World.suspect)


class Unloading(World, RuleBasedStateMachine):
    """A healthy engine that is unloaded and wanted again; the messages of worker a take their time."""

    @initialize()
    def loaded(self) -> None:
        self.begin(keep_alive=5.0, fixed=False)
        self.load()

    until_deadline = rule()(World.until_deadline)
    visit = rule()(World.visit)
    deliver = rule(names=st.just("b"))(World.deliver)
    request = rule(name=st.just("a"), waiting=st.just(1))(World.request)
    response_ends = rule(name=st.just("a"))(World.response_ends)
    worker_reads = rule(name=st.just("a"))(World.worker_reads)
    control_reads = rule(name=st.just("a"))(World.control_reads)

    @precondition(lambda self: self.sigterm)
    @rule()
    def comes_back(self) -> None:
        """It ends, and is loaded again for whoever wants it."""
        self.obeys()
        while self.process == "ended":
            self.until_deadline()
            self.look_at_group()
        self.load()


class Sleeping(World, RuleBasedStateMachine):
    """An engine that sleeps, is wanted and unwanted, woken, stopped and evicted in any order."""

    @initialize()
    def begins(self) -> None:
        self.begin(keep_alive=5.0, fixed=False, sleeps=True)
        self.falls_asleep()

    @rule()
    def falls_asleep(self) -> None:
        """It is loaded if it was not, becomes idle, and gives its memory back."""
        self.load()
        self.time_passes(10.0)
        self.response_ends("a")
        self.deliver()
        self.time_passes(10.0)
        self.deliver()
        self.sleep_ends(True)

    @rule(name=NAMES, seconds=st.sampled_from([0.0, 5000.0]))
    def is_wanted(self, name: str, seconds: float) -> None:
        """Somebody waits for it, and it for its memory."""
        self.falls_asleep()
        self.request(name, 1)
        self.deliver()
        self.time_passes(seconds)

    @rule()
    def is_wanted_while_it_falls_asleep(self) -> None:
        self.load()
        self.response_ends("a")
        self.deliver()
        self.time_passes(10.0)
        self.deliver()
        self.request("a", 1)
        self.deliver()

    client_leaves = rule(name=NAMES)(World.client_leaves)
    deliver = rule()(World.deliver)
    sleep_ends = rule(well=st.booleans())(World.sleep_ends)
    memory_given = rule()(World.memory_given)
    memory_refused = rule()(World.memory_refused)
    wake_ends = rule(well=st.booleans())(World.wake_ends)
    evict = rule()(World.evict)
    stop = rule(force=st.booleans())(World.stop)
    reconfigure = rule(digest=st.sampled_from(["d0", "d1"]), keep_alive=st.just(5.0))(World.reconfigure)
    process_ends = precondition(lambda self: self.process == "up")(
        rule(kind=KINDS, child=st.just(False))(World.process_ends)
    )
    look_at_group = precondition(lambda self: self.process == "ended" and self.watching)(rule()(World.look_at_group))
    until_deadline = rule()(World.until_deadline)
    probe = precondition(lambda self: self.process == "up")(rule(readiness=st.just(Readiness.READY))(World.probe))


Anything.TestCase.settings = SETTINGS
Sleeping.TestCase.settings = settings(SETTINGS, max_examples=80, stateful_step_count=25)
Unloading.TestCase.settings = settings(SETTINGS, max_examples=120, stateful_step_count=30)
TestAnything = Anything.TestCase
TestSleeping = Sleeping.TestCase
TestUnloading = Unloading.TestCase
