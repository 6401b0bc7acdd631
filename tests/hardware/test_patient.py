"""A driver that hangs costs a moment, and what it said before stands.  The driver's answers are let through one by one
by the test, so nothing here depends on how fast this machine is."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Iterator

import pytest

from glowplug.domain.energy import EnergyReading
from glowplug.domain.hardware import Device, DeviceKind, Reading
from glowplug.hardware.patient import Patient


def reading(used: int) -> Reading:
    return Reading(devices=(Device(id="host", kind=DeviceKind.HOST, name="memory", total=100, used=used),))


class Driver:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[Reading] = queue.SimpleQueue()
        self.asked, self.closed = threading.Semaphore(0), threading.Semaphore(0)
        self.threads: set[int] = set()

    def read(self) -> Reading:
        self.threads.add(threading.get_ident())
        self.asked.release()
        return self.answers.get(timeout=30)

    def energy(self) -> tuple[EnergyReading, ...]:
        used = self.answers.get(timeout=30).devices[0].used
        return (EnergyReading(device="host", counter=used),)

    def close(self) -> None:
        self.closed.release()


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    for _ in range(10):  # whatever still waits may end
        driver.answers.put(reading(0))


def used(found: Reading) -> int | None:
    return found.devices[0].used


def test_it_reads_in_one_thread_of_its_own(driver: Driver) -> None:
    patient = Patient(driver)
    for number in range(3):
        driver.answers.put(reading(number))
        found = patient.read()
        assert used(found) == number and found.problems == ()
    assert len(driver.threads) == 1 and threading.get_ident() not in driver.threads


def test_a_driver_that_hangs_costs_a_moment_and_the_last_reading_stands(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    patient = Patient(driver, patience=0.05)
    driver.answers.put(reading(1))
    patient.read()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            found = patient.read()
            assert used(found) == 1 and "has not answered for 0.05 s" in found.problems[0]
    assert 0.15 <= time.monotonic() - began < 5
    assert sum(driver.asked.acquire(blocking=False) for _ in range(5)) == 2, "it is not asked again while it hangs"
    assert len(caplog.records) == 1, "said once, not with every look"


def test_what_a_driver_says_late_is_not_taken_for_now(driver: Driver) -> None:
    patient = Patient(driver, patience=0.05)
    driver.answers.put(reading(1))
    patient.read()
    patient.read()  # asked, and left
    driver.answers.put(reading(2))  # the answer to that, before a game was started
    driver.answers.put(reading(3))
    assert driver.asked.acquire(timeout=10) and driver.asked.acquire(timeout=10)
    deadline = time.monotonic() + 10
    while patient._answers.empty() and time.monotonic() < deadline:
        time.sleep(0.001)
    found = patient.read()
    assert used(found) == 3 and found.problems == ()


def test_it_is_patient_with_the_first_reading(driver: Driver) -> None:
    patient = Patient(driver, patience=0.01)
    timer = threading.Timer(0.2, driver.answers.put, [reading(1)])
    timer.start()
    assert used(patient.read()) == 1
    timer.join()


def test_closing_does_not_wait_for_a_reading(driver: Driver) -> None:
    patient = Patient(driver, patience=0.01)
    driver.answers.put(reading(1))
    patient.read()
    patient.read()
    patient.close()
    assert not driver.closed.acquire(blocking=False), "it is in the middle of a reading"
    driver.answers.put(reading(2))
    assert driver.closed.acquire(timeout=10)


def test_energy_that_is_told_too_late_is_none(driver: Driver) -> None:
    patient = Patient(driver, patience=0.3)
    driver.answers.put(reading(1))
    assert [said.counter for said in patient.energy()] == [1]
    assert patient.energy() == (), "the driver hangs"
    assert patient.energy() == (), "and it is not asked once more meanwhile"
    driver.answers.put(reading(2))
    driver.answers.put(reading(3))
    for _ in range(1000):
        if found := patient.energy():
            break
        time.sleep(0.001)
    assert [said.counter for said in found] == [3], "what was old by then is thrown away"
