"""A small site under control for tests: no clock, no socket, no disk."""

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.units import Seconds, UnixTime, Watts
from proxy.config import PowerConfig, SiteConfig
from proxy.power.journal.effects import Effects, Learned
from proxy.power.link.messages import FleetReport, Joined, MinerWork
from proxy.power.machines.machine import Machine
from proxy.power.orders.order import Order
from proxy.power.orders.receipt import Receipt
from proxy.power.settings import site_control
from tests.unit.power.tables import NOW, ROWS, later

AT = UnixTime(1_700_000_000.0)
"""What time it is at NOW."""

METER = "modbus://h:502/1"


def wall(seconds: float) -> UnixTime:
    return UnixTime(AT + seconds)


class Site:
    """A site's control, and what it has wanted done so far.

    Moments are seconds after NOW.
    """

    def __init__(
        self,
        *workers: str,
        leases: Mapping[str, Seconds | None] | None = None,
        learned: Learned | None = None,
        **power: Any,
    ) -> None:
        settings = {
            "budget_w": 100_000,
            "fail_safe_w": 10_000,
            "aux_w": 0,
            "aux_share": 0,
            "ramp_up_w_per_s": 1e9,
            **power,
        }
        self.power = PowerConfig(**settings)
        config = SiteConfig(
            name="hall-a",
            listen=("tcp:1",),
            sources=["p"],
            power=self.power,
            fleet=ROWS,
        )
        self.control = site_control(config, self.power, leases or {}, lambda urls: urls)
        self.control.begin(NOW, AT, learned)
        self.done = Effects()
        self._drain()
        self.join(*workers)

    def _drain(self) -> Effects:
        new = self.control.drain()
        for name in ("events", "machines", "forgotten", "park", "grant", "calls"):
            getattr(self.done, name).extend(getattr(new, name))
        self.done.has_orders |= new.has_orders
        return new

    def join(self, *workers: str, at: float = 0.0) -> None:
        """Let miners come, parked; each gets the number after the last one's."""
        known = len(self.control.table.machines)
        self.report(
            at,
            joined=[
                Joined(n, worker, f"10.0.0.{n}", is_parked=True)
                for n, worker in enumerate(workers, known + 1)
            ],
        )

    def report(  # noqa: PLR0913
        self,
        at: float,
        *,
        is_whole: bool = False,
        joined: Sequence[Joined] = (),
        left: Sequence[int] = (),
        parked: Sequence[tuple[int, bool]] = (),
        work: Sequence[MinerWork] = (),
        difficulty: Sequence[tuple[int, float]] = (),
    ) -> Effects:
        rows = map(list, (joined, left, parked, work, difficulty))
        told = FleetReport("hall-a", is_whole, *rows)  # type: ignore[arg-type]
        self.control.report(told, later(at), wall(at))
        return self._drain()

    def tick(self, at: float, reading: float | None = None) -> Effects:
        self.control.tick(later(at), wall(at), reading)
        while self.control.is_behind:
            self.control.go_on(later(at), wall(at))
        return self._drain()

    def live(self, seconds: Sequence[int], reading: float | None = None) -> None:
        """Look each second; miners are parked and granted as they are told.

        What the meter reads grows by 1 mW a second: it is not frozen.
        """
        for s in seconds:
            told = self.tick(s, None if reading is None else reading + 0.001 * s)
            parked = [
                *((m, True) for m in told.park),
                *((m, False) for m in told.grant),
            ]
            self.report(s, parked=parked)

    def order(
        self, watts: float, *, seq: int = 1, at: float = 0.0, reason: str = ""
    ) -> Receipt:
        order = Order(
            site="hall-a",
            watts=Watts(watts),
            seq=seq,
            source="operator",
            not_before=AT,
            received_at=AT,
            reason=reason,
        )
        receipt = self.control.take([order], later(at), wall(at))
        self._drain()
        return receipt

    def machine(self, number: int) -> Machine:
        found = self.control.table.of_miner(number)
        assert found is not None
        return found

    def events(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """Return cause and body of what was logged of these kinds."""
        return [(e.cause, e.body) for e in self.done.events if e.kind in kinds]
