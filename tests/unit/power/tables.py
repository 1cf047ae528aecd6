"""A small table of machines for tests."""

from typing import Any

from typing_extensions import override

from protocol.units import Seconds
from proxy.config import FleetConfig, PowerConfig
from proxy.power.journal.outbox import SiteOutbox
from proxy.power.link.messages import Joined
from proxy.power.machines.describer import Describer
from proxy.power.machines.machine import Machine
from proxy.power.machines.table import Table

POWER = PowerConfig(budget_w=100_000, fail_safe_w=10_000)
ROWS = (
    FleetConfig(workers="lux.*", model="Antminer S19j Pro", control="pyasic"),
    FleetConfig(workers="park.*", model="Antminer S21", priority=2),
    FleetConfig(addresses="10.9.0.0/16", model="Antminer S9", hash_scale=0.5),
)
NOW = Seconds(1000.0)


def a_table() -> Table:
    return Table(Describer.of(POWER, ROWS))


def join(
    table: Table,
    miner: int,
    worker: str,
    address: str = "10.0.0.1",
    *,
    is_parked: bool = True,
) -> Machine:
    (machine,) = table.join([Joined(miner, worker, address, is_parked)], NOW)
    return machine


def later(seconds: float) -> Seconds:
    return Seconds(NOW + seconds)


class ToldOutbox(SiteOutbox):
    """An outbox that keeps what was logged when its effects are taken away."""

    def __init__(self) -> None:
        super().__init__("hall-a")
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    @override
    def log(
        self,
        kind: str,
        cause: str,
        body: dict[str, Any],
        openings: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.events.append((kind, cause, body))
