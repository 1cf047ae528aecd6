"""Who we are to a utility's server: its programmes, our end node, what it targets."""

from collections.abc import Callable

from attrs import define, field

from protocol.openadr.book import Known
from protocol.units import Seconds
from proxy.signals.openadr_notices import Notices
from proxy.signals.openadr_session import VtnError
from proxy.signals.openadr_view import names_of
from proxy.signals.openadr_vtn import Vtn

LEARN_EVERY = Seconds(60.0)
"""How often it is asked which programmes, resources and targets there are."""


@define(eq=False, repr=False)
class Enrolment:
    """Keeps what the server says of us.

    Attributes:
        known: By which names events are ours, and what programmes say of units.
        program_id: Of the one programme that is followed; None: all that we may see.
    """

    _vtn: Vtn
    _site: str
    _node: str
    _program: str | None
    _now: Callable[[], Seconds]
    _notices: Notices | None
    known: Known = field(factory=lambda: Known(frozenset()), init=False)
    program_id: str | None = field(default=None, init=False)
    _learned_at: float | None = field(default=None, init=False)

    async def learn_if_due(self) -> str:
        """Ask once a minute; return what is wrong, while what is known goes on to hold.

        Raises:
            VtnError: Nothing is known yet, or the server does not answer.
        """
        learned, now = self._learned_at, self._now()
        if learned is not None and now - learned < LEARN_EVERY:
            return ""
        try:
            await self.learn()
        except VtnError as error:
            if learned is None or not error.is_said:
                raise
            # The events are what counts.
            self._learned_at = now
            return str(error)
        return ""

    async def learn(self) -> None:
        """Ask which programmes there are, who we are, and what we are targeted by.

        Raises:
            VtnError: It cannot be had.
        """
        programs = await self._vtn.programs()
        if self._program is not None:
            wanted = {self._program}
            programs = [p for p in programs if {p.program_name, p.id} & wanted]
            if not programs:
                raise VtnError(f"no program {self._program!r} that we may see")
            self.program_id = programs[0].id
        ven = await self._vtn.ven(self._node)
        resources = await self._vtn.resources(ven.id)
        self.known = Known(
            frozenset({self._site, self._node, *names_of([ven, *resources])}),
            {p.id: tuple(p.payload_descriptors or ()) for p in programs},
        )
        self._learned_at = self._now()
        if self._notices is not None:
            await self._notices.follow(self._vtn, ven.id)
