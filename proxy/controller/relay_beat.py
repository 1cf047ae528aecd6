"""A relay's heartbeat: each second, for as long as the site is under control."""

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds, Watts
from proxy.power.control.safety import SafetyState
from proxy.power.control.site_power import by_model, standby
from proxy.power.journal.alarms import AlarmName
from proxy.power.ports import Relay, RelayError
from proxy.power.site import SiteControl
from proxy.runtime.periodic import PeriodicService

BEAT_EVERY = Seconds(1.0)

RELAY_AFTER = Seconds(30.0)
"""Of a trip that did not help, until the relay is told."""

LOST_AFTER = 3
"""Beats in a row that a relay did not take, until that is an alarm."""

STEADY_AFTER = 10
"""Beats in a row that it took, until that is a line in the log."""


class RelayHeartbeat(PeriodicService):
    """Tells `relay` whether the site may draw power.

    Args:
        relay: Trips by itself if it is told nothing.
        control: Of its site.
        clock: Monotonic.
        is_alive: Tells whether the site is looked at: else its relay hears nothing.
    """

    def __init__(
        self,
        relay: Relay,
        control: SiteControl,
        clock: IReactorTime,
        is_alive: Callable[[], bool],
    ) -> None:
        super().__init__(BEAT_EVERY, self._beat, clock)
        self._relay = relay
        self._control = control
        self._clock = clock
        self._is_alive = is_alive
        self._said = True
        self._failed = self._taken = 0

    async def hang_up(self) -> None:
        """Let go of the connection; once it is stopped."""
        await self._relay.close()

    async def _beat(self) -> None:
        if not self._is_alive():
            return
        may_run = self._may_run()
        if may_run is not self._said:
            self._said = may_run
            cause = "the site may run" if may_run else "tripped: sleep did not help"
            self._control.alarms.log("relay", cause, {"may_run": may_run})
        self._failed += 1  # until it has gone well
        try:
            await self._relay.beat(may_run=may_run)
            self._failed = 0
            self._note_taken()
        except RelayError as error:
            self._taken = 0
            self._log.debug("relay: {error}", error=error)
        finally:
            self._note_lost()

    def _note_taken(self) -> None:
        """Log once, at the start and after each loss, that the relay is there."""
        self._taken += 1
        if self._taken == STEADY_AFTER:
            self._log.info("{site}: the relay takes its beats", site=self._control.name)

    def _note_lost(self) -> None:
        alarms, now = self._control.alarms, self._now()
        if self._failed >= LOST_AFTER:
            why = "the relay does not take its beats, and trips by itself"
            alarms.holds(AlarmName.RELAY_LOST, why, {}, now)
        elif not self._failed:
            alarms.lapses(AlarmName.RELAY_LOST, now)

    def _may_run(self) -> bool:
        """Tell whether the supply may stay on: a trip has not failed to help.

        It has helped where only machines asleep are left, whatever the budget: a
        breaker that is opened on them saves next to nothing.
        """
        sensed, now = self._control.sensed, self._now()
        safety = None if sensed is None else sensed.state.safety
        if safety is None or safety.state is not SafetyState.TRIP:
            return True
        since = max(safety.since or 0.0, safety.trip_since or now)
        return now - since < RELAY_AFTER or self._is_standby(now)

    def _is_standby(self, now: Seconds) -> bool:
        table, params = self._control.table, self._control.params
        state = self._control.state
        if params.meter is None:
            watts: Watts | None = by_model(table, state, params, now)
        else:
            watts = state.meter.trusted_w
        return watts is not None and watts <= standby(table, params)

    def _now(self) -> Seconds:
        return Seconds(self._clock.seconds())
