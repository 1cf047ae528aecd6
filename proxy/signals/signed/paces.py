"""How many documents a key may sign, and how often an address may be wrong."""

from collections import OrderedDict, deque

from attrs import define, field

from protocol.units import Seconds

MAX_AN_HOUR = 20
"""Documents of a key: a stolen one does not fill the log."""

HOUR = Seconds(3600.0)

MAX_WRONG = 10
"""Requests of an address in a minute that no key has signed."""

MAX_A_SECOND = 20
"""Of an address that has sent what a key had signed, and of all others together: each
costs up to 3 ms."""

MAX_ADDRESSES = 256
"""That are remembered; with more, the one that was silent longest is forgotten."""

MINUTE = Seconds(60.0)


@define(eq=False, repr=False)
class KeyPace:
    """Which documents each key has signed in the last hour."""

    _signed: dict[str, OrderedDict[str, Seconds]] = field(factory=dict, init=False)

    def has_room(self, key: str, document: str, now: Seconds) -> bool:
        """Tell whether a key may sign a document; note that it has.

        One that it has signed already may be sent again.
        """
        signed = self._signed.setdefault(key, OrderedDict())
        while signed and now - next(iter(signed.values())) >= HOUR:
            signed.popitem(last=False)
        if document not in signed and len(signed) >= MAX_AN_HOUR:
            return False
        signed.setdefault(document, now)
        return True


@define(eq=False, repr=False)
class CallerPace:
    """Which addresses may be listened to.

    Who has sent what a key had signed is not held up by those who have not, nor by who
    else is behind its address.
    """

    _wrong: OrderedDict[str, deque[Seconds]] = field(factory=OrderedDict, init=False)
    _known: OrderedDict[str, deque[Seconds]] = field(factory=OrderedDict, init=False)
    _strangers: deque[Seconds] = field(
        factory=lambda: deque(maxlen=MAX_A_SECOND), init=False
    )

    def may_ask(self, address: str, now: Seconds) -> bool:
        """Tell whether what an address sends is looked at."""
        known = self._known.get(address)
        if known is not None:
            return _has_room(known, now)
        wrong = self._wrong.get(address)
        if wrong is not None and len(wrong) == MAX_WRONG and now - wrong[0] < MINUTE:
            return False
        return _has_room(self._strangers, now)

    def was_signed(self, address: str) -> None:
        """Note that an address has sent what a key of the policy had signed."""
        self._known.setdefault(address, deque(maxlen=MAX_A_SECOND))
        self._known.move_to_end(address)
        if len(self._known) > MAX_ADDRESSES:
            self._known.popitem(last=False)

    def was_wrong(self, address: str, now: Seconds) -> None:
        """Note that it was not."""
        times = self._wrong.setdefault(address, deque(maxlen=MAX_WRONG))
        times.append(now)
        self._wrong.move_to_end(address)
        if len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)


def _has_room(times: deque[Seconds], now: Seconds) -> bool:
    """Tell whether one more comes in this second; note that it has."""
    if len(times) == MAX_A_SECOND and now - times[0] < 1.0:
        return False
    times.append(now)
    return True
