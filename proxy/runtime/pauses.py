"""After a pause of this process, let what waited in the sockets be read first."""

from attrs import define, field

from protocol.units import Seconds

PAUSED_AFTER = Seconds(3.0)
"""A look is due each second. When it was longer, we were stopped (a VM, SIGSTOP)."""


@define
class Pauses:
    """Tells those who judge silence each second when the silence is our own.

    A reactor runs its timers before it reads: after a pause all that peers said in the
    meantime is still in the sockets, and everybody seems to have been silent.

    Attributes:
        looked_at: When this was asked last.
    """

    looked_at: Seconds
    _was_paused: bool = field(default=False, init=False)

    def must_listen_first(self, now: Seconds) -> bool:
        """Tell whether what waits in the sockets is to be read before it is judged.

        Once in a row: a process that is always late must still judge.
        """
        late = now - self.looked_at > PAUSED_AFTER
        self.looked_at = now
        self._was_paused = late and not self._was_paused
        return self._was_paused
