"""Energy through a whole control process: from NVIDIA's library over the journal to what admins see."""

from __future__ import annotations

from pathlib import Path
from time import time

from msgspec.structs import replace

from glowplug.domain.instance import InstanceView, State
from glowplug.domain.price import LOCAL
from glowplug.hardware.amd import Amd
from glowplug.hardware.host import Host
from glowplug.hardware.machine import Machine
from glowplug.hardware.nvidia import Nvidia
from glowplug.hardware.patient import Patient
from glowplug.ledger.journal import JournalWriter
from glowplug.ledger.workers import worker_name
from glowplug.testing.fake_nvml import FakeNvml
from tests.control.test_process import started
from tests.ledger.builders import closed, opened
from tests.still_clock import StillClock
from tests.waiting import until

CONFIG = """
energy: {price_per_kwh: 0.30}
models:
  local: {engine: llamacpp, path: m.gguf, command: [nothing-of-that-name]}
"""
BUSY = InstanceView(model="local", engine="llamacpp", state=State.BUSY, claim={"gpu0": 1})


async def test_what_a_card_counted_is_in_the_line_the_usage_the_metrics_and_the_check(
    state_dir: Path, fake_nvml: FakeNvml
) -> None:
    gpu = fake_nvml.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 << 30)
    fake_nvml.draw(gpu, energy=1_000_000)
    devices = Patient(Machine(Nvidia(), Amd(state_dir / "drm"), Host(powercap=state_dir / "powercap")))
    devices.read()
    async with started(state_dir, CONFIG) as control:
        energy = control.process._energy
        energy._read = devices.energy
        writer = JournalWriter(control.paths.journal, worker_name(0), StillClock())
        control.process._outbox.changed(BUSY)
        began = time()
        writer.opened(replace(opened("req_1", model="local"), started=began))
        fake_nvml.draw(gpu, energy=1_036_000)
        await until(lambda: bool(energy._shares.busy))
        ended = replace(closed("req_1", model="local"), started=began, duration=time() - began, price=LOCAL, cost=0)
        writer.closed(ended)
        control.process._outbox.changed(replace(BUSY, state=State.READY))
        await until(lambda: energy._timer is None)
        async with control.client() as admin:
            request = (await admin.get("/admin/requests/req_1")).json()
            (line,) = request["attempts"]
            assert (line["energy_mj"], line["cost"], line["price"]) == (36_000, 3_000, "energy 0.3/kWh")
            (usage,) = (await admin.get("/admin/usage?by=model")).json()["data"]
            assert (usage["energy_mj"], usage["cost"], usage["unpriced"]) == (36_000, 3_000, 0)
            metrics = (await admin.get("/metrics")).text
            assert 'glowplug_energy_joules_total{model="local",device="gpu0"} 36' in metrics
            assert (await admin.get("/admin/ledger/check")).json()["ok"]
        writer.seal()
    devices.close()
