"""A fleet of simulated ASICs that share one thread without blocking it."""

import msgspec
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override

from protocol.units import Seconds
from proxy.sim.miner import SimulatedMiner

SLICE = Seconds(0.005)
"""Longest time that hashing keeps the reactor."""

ROUND = Seconds(0.1)
"""How often each miner's turn comes."""

CHUNK_HASHES = 1024
"""Hashes between two looks at the clock: 0.7 ms."""

CONNECTS_PER_SECOND = 100.0


class FleetStats(msgspec.Struct, frozen=True):
    """Sums over a fleet. `kept_up`: hashes made by hashes owed, 1 is all of them."""

    miners: int
    working: int
    connects: int
    submitted: int
    accepted: int
    rejected: int
    reasons: dict[str, int]
    breaches: list[str]
    hashes: int
    kept_up: float


class SimulatedFleet(Service):
    """Starts its miners one after the other and gives each its turn to hash."""

    def __init__(
        self,
        miners: list[SimulatedMiner],
        clock: IReactorTime,
        connects_per_second: float = CONNECTS_PER_SECOND,
    ) -> None:
        self.miners = miners
        self._clock = clock
        self._pace = connects_per_second
        self._hashes = 0
        self._lost = 0.0
        self._at = 0
        self._left = 0
        self._calls: list[IDelayedCall] = []
        self._tick: IDelayedCall | None = None
        self._paid = Seconds(0.0)

    @override
    def startService(self) -> None:
        """Connect the miners, `connects_per_second` of them, and begin to hash."""
        super().startService()
        self._calls = [
            self._clock.callLater(i / self._pace, miner.start)
            for i, miner in enumerate(self.miners)
        ]
        self._paid = Seconds(self._clock.seconds())
        self._tick = self._clock.callLater(ROUND, self._turn)

    @override
    def stopService(self) -> None:
        """Stop hashing and hang up."""
        super().stopService()
        for call in [*self._calls, self._tick]:
            if call is not None and call.active():
                call.cancel()
        for miner in self.miners:
            miner.stop()

    def stats(self) -> FleetStats:
        """Return what became of the fleet's work so far."""
        reasons: dict[str, int] = {}
        for miner in self.miners:
            for reason, count in miner.counters.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
        counters = [miner.counters for miner in self.miners]
        owed = self._hashes + self._lost
        return FleetStats(
            miners=len(self.miners),
            working=sum(miner.is_working for miner in self.miners),
            connects=sum(miner.connects for miner in self.miners),
            submitted=sum(c.submitted for c in counters),
            accepted=sum(c.accepted for c in counters),
            rejected=sum(c.rejected for c in counters),
            reasons=reasons,
            breaches=self._breaches(),
            hashes=self._hashes,
            kept_up=self._hashes / owed if owed else 1.0,
        )

    def _breaches(self) -> list[str]:
        found: dict[str, None] = {}
        for miner in self.miners:
            live = miner.session.breaches if miner.session is not None else []
            found.update(dict.fromkeys([*miner.breaches, *live]))
        return list(found)[:32]

    def _turn(self) -> None:
        if not self._left:
            self._pay()
        until = self._clock.seconds() + SLICE
        while self._left and self._clock.seconds() < until:
            self._hash_one()
        self._tick = self._clock.callLater(0.0 if self._left else ROUND, self._turn)

    def _pay(self) -> None:
        now = Seconds(self._clock.seconds())
        elapsed, self._paid = Seconds(now - self._paid), now
        self._lost += sum(miner.earn(elapsed) for miner in self.miners)
        self._left = len(self.miners)

    def _hash_one(self) -> None:
        made = self.miners[self._at].hash(CHUNK_HASHES)
        self._hashes += made
        if made < CHUNK_HASHES:  # it has done what it owes: next
            self._at = (self._at + 1) % len(self.miners)
            self._left -= 1
