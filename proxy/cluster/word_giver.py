"""Give the tables what signals have said of a site: at once, or once they answer.

What a failover takes is given again: the beat of a source in the tables is then below
that which our word had. What another member has said since raises it above.
"""

from functools import partial
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, UnixTime
from proxy.cluster.candidate import Candidate
from proxy.cluster.orders import Note
from proxy.cluster.session import DEADLINE, DatabaseError, Session
from proxy.cluster.signal_table import laid, say, speak
from proxy.cluster.site_words import SiteWords, Word, may_be_given
from proxy.power.orders.order import Order
from proxy.runtime.tasks import Tasks

LATE = "the database did not answer in time, and it may only lower now"


@define(eq=False, repr=False)
class WordGiver:
    """One member's words for one site, on their way.

    Attributes:
        candidate: What is known of the site.
        session: For this alone.
        words: Those that wait, in a file.
        note: Puts an event into the logs of the halls.
    """

    _log = Logger()

    candidate: Candidate
    session: Session
    words: SiteWords
    note: Note
    _due: set[str] = field(factory=set, init=False)  # sources that have spoken
    _said: dict[str, tuple[Word, int, Seconds]] = field(factory=dict, init=False)
    _is_giving: bool = field(default=False, init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)

    async def stop(self) -> None:
        """End; what was not given is given by the next life."""
        await self._tasks.cancel_all()
        self.session.drop()

    def renew(self, source: str) -> None:
        """Note that a source is there; the tables are told with the next poll."""
        self._due.add(source)

    def add(self, word: Word) -> str:
        """Take on a word, durable when this returns; return why not, empty if it is."""
        why = self.words.add(word)
        if not why and not self._is_giving:
            self._tasks.start("give a site's orders", self.give())
        return why

    def joined(self, orders: tuple[Order, ...]) -> tuple[Order, ...]:
        """Return the orders of a site as they will stand once all is given."""
        for word in self.words.waiting:
            others = tuple(o for o in orders if o.source != word.source)
            own = tuple(o for o in orders if o.source == word.source)
            orders = (*others, *self._laid(word, own))
        return orders

    async def give(self) -> None:
        """Give what waits, as far as the database answers."""
        if self._is_giving:
            return
        self._is_giving = True
        try:
            await self._give_all()
        except DatabaseError as error:
            self._log.debug("{error}", error=error)
        finally:
            self._is_giving = False

    async def _give_all(self) -> None:
        """Give the tables what waits, what a failover took, and who is there."""
        for word in self.words.waiting:
            rules_w = self.candidate.budget().watts
            if may_be_given(word, self._now(), self.candidate.times.ttl, rules_w):
                await self._give_word(word)
            else:
                what = {"orders": len(word.orders)}
                note_refused(self.note, self.candidate, word.source, LATE, what)
            self.words.done(word)
        for word, beat, at in list(self._said.values()):
            if self._was_lost(word.source, beat, at):
                await self._give_word(word)
        while self._due:
            source = next(iter(self._due))
            await self.session.run(
                partial(speak, site=self.candidate.site.name, source=source)
            )
            self._due.discard(source)

    async def _give_word(self, word: Word) -> None:
        beat = await self.session.run(
            partial(
                say,
                site=self.candidate.site.name,
                source=word.source,
                lay=partial(self._laid, word),
            )
        )
        self._due.discard(word.source)
        if beat is not None:
            self._said[word.source] = word, beat, self._now()
            self.candidate.look_soon()

    def _laid(self, word: Word, standing: tuple[Order, ...]) -> tuple[Order, ...]:
        now: UnixTime = min(self.candidate.orders.moments(self._now()))
        return laid(standing, word.orders, is_all=word.is_all, now=now)

    def _was_lost(self, source: str, beat: int, at: Seconds) -> bool:
        """Tell whether a look that began since then has found an earlier beat."""
        found, answered_s = self.candidate.found, self.candidate.answered_for()
        if found is None or answered_s is None:
            return False
        looked_at = self._now() - answered_s - DEADLINE
        return looked_at > at and found.spoken.get(source, 0) < beat

    def _now(self) -> Seconds:
        return Seconds(self.candidate.clock.seconds())


def note_refused(
    note: Note, candidate: Candidate, source: str, why: str, body: dict[str, Any]
) -> None:
    """Put into the logs of our halls that a word for their site was not taken."""
    note("refused", why, {"site": candidate.site.name, "source": source, **body})
