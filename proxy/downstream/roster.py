"""Who is connected to a site, who may be, and who has outstayed."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice, takewhile

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds
from protocol.work.version_rolling import OFFERED_MASK
from proxy.config import LimitsConfig
from proxy.downstream.bans import OFFENCES, Ban, BanError, Bans, spelled
from proxy.downstream.miner import Miner
from proxy.jobs.ports import MinerPort
from proxy.runtime.contain import serve_each
from proxy.runtime.due import DueList
from proxy.runtime.slices import Errands

SUBSCRIBE_WITHIN = Seconds(15.0)
SILENT_FOR = Seconds(900.0)
BAD_STEPS = (Seconds(60.0), Seconds(120.0), Seconds(180.0))
"""Of nothing but bad shares: resend the job, ask to reconnect, drop.

A channel with neighbours on its connection is not asked: they would all have to go.
"""

VOIDED_BEFORE_RECONNECT = 8
STAGGER = Seconds(30.0)
KEEP_ALIVE = Seconds(45.0)
"""cgminer hangs up after 90 s without a line."""

LOOKED_AT_ONCE = 2048
MAX_TURNS = 16
"""Seconds in which each miner is looked at once, where more than `LOOKED_AT_ONCE` are
connected: the steps of minutes that are taken here may be so much later."""

FORGET_BANS_EVERY = 45
"""Seconds: a look at all bans."""

ACTIVE_FOR = Seconds(600.0)
"""How long after a share a miner counts as active."""


@define(eq=False, repr=False)
class Roster:
    """The miners of one site.

    Attributes:
        drop: Hangs up on a miner.
        random: Spreads reconnects.
        errands: What is being done with many of them.
        on_change: Called with the number of a miner that has come or gone.
        turned_away: How many were too many for the site.
    """

    _log = Logger()

    site: str
    limits: LimitsConfig
    drop: Callable[[Miner, str], None]
    random: Callable[[], float]
    errands: Errands[MinerPort]
    miners: dict[int, Miner] = field(factory=dict, init=False)
    on_change: Callable[[int], None] = field(default=lambda _: None, init=False)
    is_draining: bool = field(default=False, init=False)
    bans: Bans = field(factory=Bans, init=False)
    turned_away: int = field(default=0, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)
    _newcomers: dict[Miner, None] = field(factory=dict, init=False)
    _active: dict[Miner, None] = field(factory=dict, init=False)
    _sweeps: int = field(default=0, init=False)
    _reconnects: DueList[MinerPort] = field(factory=DueList, init=False)
    _leaving: DueList[MinerPort] = field(factory=DueList, init=False)

    def refusal(self, address: str, now: Seconds) -> str:
        """Return why a connection from `address` is not taken; empty if it is."""
        if self.is_draining:
            return "the site is being drained"
        ban = self.bans.find(address, now)
        if ban is not None:
            return f"{spelled(ban.network)} is banned: {ban.why}"
        limit = self.limits.connections_per_address
        if limit and self._addresses[address] >= limit:
            return f"the address has {limit} connections"
        return ""

    @property
    def active(self) -> int:
        """How many miners had a share of late, as of their last look."""
        return len(self._active)

    def add(self, miner: Miner) -> None:
        """Count a miner in."""
        self.miners[miner.id] = miner
        self._newcomers[miner] = None
        self._addresses[miner.address] += 1
        self.on_change(miner.id)

    def remove(self, miner: Miner) -> None:
        """Count a miner out."""
        if self.miners.pop(miner.id, None) is None:
            return
        self._newcomers.pop(miner, None)
        self._active.pop(miner, None)
        self._reconnects.drop(miner)
        self._leaving.drop(miner)
        self.on_change(miner.id)
        self._addresses[miner.address] -= 1
        if not self._addresses[miner.address]:
            del self._addresses[miner.address]

    def offend(self, address: str, now: Seconds) -> None:
        """Note that a connection was dropped for what it sent.

        Where the site bans for that, the one too many shuts its address out. Who is
        connected from there stays.
        """
        if not self.limits.ban_s:
            return
        network = self.bans.offend(address, now)
        if network is None:
            return
        why = f"{OFFENCES} connections dropped for what they sent"
        try:
            self.bans.add(Ban(network, Seconds(now + self.limits.ban_s), why), now)
        except BanError as error:
            self._log.warn(
                "{site}: {network} is not banned: {error}",
                site=self.site,
                network=spelled(network),
                error=error,
            )
            return
        self._log.warn(
            "{site}: {network}: {why}: banned for {ban_s:g} s",
            site=self.site,
            network=spelled(network),
            why=why,
            ban_s=self.limits.ban_s,
        )

    def drain(self, now: Seconds) -> None:
        """Take no more miners and ask those here to go, spread over half a minute."""
        self.is_draining = True
        self._log.info(
            "{site} is drained: no miner is taken, {count} are asked to go",
            site=self.site,
            count=len(self.miners),
        )
        self._spread(self.miners.values(), self._leaving, now)

    def undrain(self) -> None:
        """Take miners again; those that were not asked to go yet stay."""
        self.is_draining = False
        # Reconnects of another cause stay on a list of their own.
        self._leaving = DueList()
        self._log.info("{site} is drained no more: miners are taken", site=self.site)

    def move(self, miners: Iterable[MinerPort], now: Seconds) -> None:
        """Ask `miners` to connect anew, spread over half a minute."""
        self._spread(miners, self._reconnects, now)

    def sweep(self, now: Seconds) -> None:
        """Do what time brings to miners: called every second.

        Each is looked at once in as many seconds as there are thousands of them, a
        newcomer also when it should have said who it is.
        """
        self._sweeps += 1
        turns = min(-(-len(self.miners) // LOOKED_AT_ONCE), MAX_TURNS) or 1
        # Every turns-th from another start each second: no list of all is made.
        some = islice(self.miners.values(), self._sweeps % turns, None, turns)
        those = dict.fromkeys([*self._late_newcomers(now), *some])
        serve_each(those, lambda m: self._look_at(m, now), "the sweep")
        if not self._sweeps % FORGET_BANS_EVERY:
            self.bans.forget_past(now)
        asked = self._reconnects.take(now, len(self._reconnects))
        due = dict.fromkeys([*asked, *self._leaving.take(now, len(self._leaving))])
        self.errands.run(due, lambda m: m.ask_to_reconnect(), "asking to reconnect")

    def _late_newcomers(self, now: Seconds) -> list[Miner]:
        """Return the newcomers that have not said who they are in time."""
        late = list(
            takewhile(
                # They are in the order they came: behind the first young one all are
                # young.
                lambda miner: now - miner.connected_at >= SUBSCRIBE_WITHIN,
                self._newcomers,
            )
        )
        for miner in late:
            del self._newcomers[miner]
        return [miner for miner in late if miner.group is None]

    def _look_at(self, miner: Miner, now: Seconds) -> None:
        """Do what time brings to one miner."""
        if miner.is_without_source:
            # No source has work for it: silence and bad shares are ours.
            miner.pardon(now)
        why = self._why_to_drop(miner, now)
        if why:
            # Dropped for its shares, and not for silence or lateness.
            if miner.conduct.warnings_sent == len(BAD_STEPS):
                self.offend(miner.address, now)
            self.drop(miner, why)
            return
        self._count_active(miner, now)
        if not miner.is_granted or miner.is_without_source:
            self._keep_alive(miner, now)
        # Without a share its place is the lowest in any case.
        if miner.share_at is not None:
            miner.weigh(now)
        miner.retarget(now)
        self._mind_mask(miner, now)

    def _count_active(self, miner: Miner, now: Seconds) -> None:
        at = miner.share_at
        if at is not None and miner.is_granted and now - at <= ACTIVE_FOR:
            self._active[miner] = None
        else:
            self._active.pop(miner, None)

    def _keep_alive(self, miner: Miner, now: Seconds) -> None:
        if now - miner.kept_alive_at >= KEEP_ALIVE:
            miner.kept_alive_at = now
            miner.keep_alive()

    def _why_to_drop(self, miner: Miner, now: Seconds) -> str:
        """Return why a miner has to go now; empty if it may stay."""
        if miner.group is None and self._is_late(miner, now):
            return f"did not subscribe and authorise in {SUBSCRIBE_WITHIN:g} s"
        if self._is_silent(miner, now):
            return f"silent for {SILENT_FOR:g} s"
        if self._scold(miner, now):
            return f"nothing but bad shares for {BAD_STEPS[-1]:g} s"
        return ""

    def _is_silent(self, miner: Miner, now: Seconds) -> bool:
        """Tell whether a miner was long not heard of that should have been.

        One that is slow for its difficulty is none: the kernel tells when it is gone.
        """
        is_long = now - miner.heard_at >= SILENT_FOR
        return is_long and miner.is_granted and not miner.has_own_difficulty

    @staticmethod
    def _is_late(miner: Miner, now: Seconds) -> bool:
        """Tell whether a miner could have said long ago what it wants."""
        return not miner.is_waiting and now - miner.slot_taken_at >= SUBSCRIBE_WITHIN

    def _scold(self, miner: Miner, now: Seconds) -> bool:
        """Take the next step against a run of bad shares; True if it is the last."""
        conduct = miner.conduct
        if conduct.bad_since is None or not miner.is_granted:
            return False
        passed = sum(now - conduct.bad_since >= step for step in BAD_STEPS)
        if passed <= conduct.warnings_sent:
            return False
        conduct.warnings_sent = passed
        # Each step once: a look that came late takes the last that is due and not each.
        if passed == 1:
            miner.resend_job()
        elif passed == 2 and miner.is_alone:  # noqa: PLR2004
            miner.ask_to_reconnect()  # it asks the whole connection
        return passed == len(BAD_STEPS)

    def _mind_mask(self, miner: Miner, now: Seconds) -> None:
        """Reconnect, once, a miner that goes on rolling bits its pool forbids."""
        if miner.conduct.voided < VOIDED_BEFORE_RECONNECT or not miner.is_alone:
            return
        # So far below that it is not reached again on this connection.
        miner.conduct.voided = -OFFERED_MASK  # once a connection
        self.move([miner], now)

    def _spread(
        self, miners: Iterable[MinerPort], those: DueList[MinerPort], now: Seconds
    ) -> None:
        """Note that each of `miners` is to be asked within half a minute."""
        self.errands.run(
            miners, lambda m: those.by(m, now + STAGGER * self.random()), "moving"
        )
