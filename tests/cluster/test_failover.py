"""A failover that loses commits, of a real primary to a real standby."""

import signal
import sys
import time

from tests.cluster.hall import BUDGET_W, TTL
from tests.cluster.plant import NAMES, Plant
from tests.cluster.test_faults import is_used


def has_stepped_down(plant: Plant, name: str, since: float) -> bool:
    """Tell whether it has; it may have been elected again meanwhile."""
    said = [e for e in plant.events(name) if e["event"] == "leader"]
    return any(e["t"] > since and "no more" in e["cause"] for e in said)


def most(plant: Plant) -> float:
    return max(watts for _, watts in plant.sums())


def goes_on(plant: Plant) -> None:
    """Wait until grants follow needs again, and for as long as one holds."""
    at = time.monotonic()
    for name in NAMES:
        plant.wait(
            f"{name} is granted",
            lambda n=name: any("until" in e and e["t"] > at for e in plant.events(n)),
        )
    plant.wait("used", lambda: is_used(plant))
    time.sleep(TTL + 1.0)


def test_a_leader_whose_last_grants_a_failover_takes_steps_down(
    followed: Plant,
) -> None:
    plant = followed
    plant.wait("used", lambda: is_used(plant))
    leader = plant.leader()
    assert leader is not None
    at = time.monotonic()
    plant.fail_over(1.0, lambda: plant.signal(leader, signal.SIGSTOP))
    plant.signal(leader, signal.SIGCONT)
    plant.wait("stepped down", lambda: has_stepped_down(plant, leader, at))
    goes_on(plant)

    sys.stderr.write(f"\nset back by 1 s: highest sum {most(plant):.0f}\n")
    assert most(plant) <= BUDGET_W


def test_a_leader_comes_back_whose_successor_a_failover_takes(followed: Plant) -> None:
    """The election is in what was lost: who was elected steps down."""
    plant = followed
    plant.wait("used", lambda: is_used(plant))
    leader, before = plant.leader(), len(plant.leaderships())
    assert leader is not None
    plant.signal(leader, signal.SIGSTOP)
    plant.fail_over(
        1.0,
        lambda: plant.wait("led again", lambda: len(plant.leaderships()) > before),
    )
    elected = plant.leader()
    at = time.monotonic()
    plant.signal(leader, signal.SIGCONT)
    assert elected is not None
    plant.wait("stepped down", lambda: has_stepped_down(plant, elected, at - 5.0))
    goes_on(plant)

    sys.stderr.write(f"\n{elected} was elected and lost: {most(plant):.0f}\n")
    assert most(plant) <= BUDGET_W
