"""Whether a machine is given jobs that a source has work for, and since when."""

from protocol.units import Seconds
from proxy.power.machines.machine import Machine


def note_parked(machine: Machine, miner: int, now: Seconds, *, is_parked: bool) -> None:
    """Take note of whether a connection of `machine` is given jobs."""
    had_jobs = machine.has_jobs
    machine.miners[miner] = is_parked
    if machine.has_jobs and not had_jobs:
        machine.granted_at = now
    note_idle(machine, now)


def note_difficulty(machine: Machine, difficulty: float, now: Seconds) -> None:
    """Take note of what its shares are judged at; 0: there is no work for it."""
    if machine.hashing.difficulty == 0:
        machine.granted_at = now
    machine.hashing.difficulty = difficulty


def note_idle(machine: Machine, now: Seconds) -> None:
    """Take note since when a machine is given no jobs."""
    if machine.has_jobs:
        machine.parked_at = None
    elif machine.parked_at is None:
        machine.parked_at = now
