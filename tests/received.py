"""What a session makes of bytes, all at once."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Protocol


class Session(Protocol):
    """One end of a conversation."""

    def receive_each(self, data: bytes, /) -> Iterator[Iterable[Any]]:
        """Yield what each message comes to."""


def received(session: Session, data: bytes) -> Iterator[Any]:
    """Return what all messages that `data` completes come to, one after the other."""
    return chain.from_iterable(session.receive_each(data))
