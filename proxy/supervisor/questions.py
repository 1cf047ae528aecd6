"""Questions to the site controller, and their answers as they come."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from attrs import define, field
from msgspec import Raw
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.power.link.messages import Ask, AskAnswer, Up
from proxy.runtime.link import LinkConnection

ANSWER_WITHIN = Seconds(10.0)
"""An operator waits no longer: a controller that lives answers within its second."""

CHECKED_WITHIN = Seconds(60.0)
"""A small board imports pyasic, if another configuration is the first to need it."""

MAX_ASKED = 256
"""Requests that may wait for their answers: four for each client of an admin socket."""


class AskRefusedError(Exception):
    """The controller refused, or is not there; the message says which."""


@define(eq=False, repr=False)
class Questions:
    """What was asked and is not answered yet."""

    clock: IReactorTime
    _asked: dict[int, Deferred[Raw]] = field(factory=dict, init=False)  # MAX_ASKED
    _numbers: Iterator[int] = field(factory=lambda: count(1), init=False)

    async def ask(
        self,
        link: LinkConnection[Up] | None,
        method: str,
        params: dict[str, Any],
        within: Seconds,
    ) -> Raw:
        """Return the controller's answer, JSON.

        Raises:
            AskRefusedError: It refuses, is not there (`link` is None), or does not
                answer in time.
        """
        if link is None or len(self._asked) >= MAX_ASKED:
            raise AskRefusedError("the site controller is not there: try again")
        number = next(self._numbers)
        answer: Deferred[Raw] = Deferred()
        self._asked[number] = answer
        link.send(Ask(number, method, params))
        try:
            return await answer.addTimeout(within, self.clock)
        except defer.TimeoutError as error:
            text = f"the site controller did not answer in {within:.0f} s"
            raise AskRefusedError(text) from error
        finally:
            self._asked.pop(number, None)

    def answered(self, message: AskAnswer) -> None:
        """Hand an answer on; one that comes too late goes to nobody."""
        answer = self._asked.pop(message.id, None)
        if answer is None or answer.called:
            return
        if message.refusal:
            answer.errback(AskRefusedError(message.refusal))
        else:
            answer.callback(Raw(bytes(message.result)))

    def refuse_all(self, why: str) -> None:
        """Refuse all: no answer will come."""
        for answer in list(self._asked.values()):
            answer.errback(AskRefusedError(why))
