"""What signals have said of a site, until its table has it; in a file, over a kill.

A word is taken once it is in the file: whoever said it need not say it again. One that
the table could not be given within a grant's life is old: it may only lower by then.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec
from attrs import define, field
from twisted.logger import Logger

from protocol.units import Seconds, Watts
from proxy.power.orders.order import Order
from proxy.runtime.whole_file import write_whole

MAX_WORDS = 100
"""That wait for the table: a source speaks each second at most, and is refused once the
database has been silent for some polls."""

MAX_FILE_BYTES = 8 << 20
"""As many words of `MAX_OF_SOURCE` orders do not come: a larger file is not ours."""


class Word(msgspec.Struct, frozen=True):
    """What a signal said at once.

    Attributes:
        source: Its name.
        orders: The orders.
        is_all: They replace all that it said before.
        at: When, by the clock of who took it; None: in a life before.
    """

    source: str
    orders: tuple[Order, ...]
    is_all: bool
    at: float | None = None


@define(eq=False, repr=False)
class SiteWords:
    """The words of one site that wait."""

    _log = Logger()

    path: Path
    _words: list[Word] = field(factory=list, init=False)

    def restore(self) -> None:
        """Take in what a life before has left."""
        try:
            with self.path.open("rb") as file:
                found = msgspec.json.decode(file.read(MAX_FILE_BYTES), type=list[Word])
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            self._log.error("{path}: {error}", path=str(self.path), error=error)
            return
        self._words = [msgspec.structs.replace(word, at=None) for word in found]

    def add(self, word: Word) -> str:
        """Keep a word, durable when this returns; return why not, empty if it is."""
        if len(self._words) >= MAX_WORDS:
            return f"{MAX_WORDS} orders wait for the cluster's database"
        self._words.append(word)
        why = self._keep()
        if why:
            self._words.pop()
        return why

    def done(self, word: Word) -> None:
        """Forget a word: the table has it, or it is not to be given any more."""
        self._words.remove(word)
        self._keep()

    @property
    def waiting(self) -> tuple[Word, ...]:
        """All of them, in the order in which they were said."""
        return tuple(self._words)

    def _keep(self) -> str:
        try:
            write_whole(self.path, msgspec.json.encode(self._words))
        except OSError as error:
            return f"it could not be written down: {error}"
        return ""


def may_be_given(word: Word, now: Seconds, within: Seconds, rules_w: Watts) -> bool:
    """Tell whether a word is young enough, or lowers what rules now."""
    if word.at is not None and now - word.at <= within:
        return True
    return _lowest(word.orders) < rules_w


def _lowest(orders: Iterable[Order]) -> float:
    return min((order.watts for order in orders), default=float("inf"))
