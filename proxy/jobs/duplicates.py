"""Which hashes were submitted already, by the content of the work they are for."""

from collections.abc import Callable

import msgspec
from attrs import define, field

from protocol.work.job import Content, SeenKeys

MAX_KEYS = 1 << 24
"""Duplicate keys that a site holds, of 16 B each at a load of a quarter to a half:
512 MiB to 1 GiB. Beyond it the oldest jobs retire early."""


class _Shared(msgspec.Struct):
    """A set of keys, and how many series of jobs judge by it."""

    seen: SeenKeys
    users: int = 0


@define
class Duplicates:
    """The duplicate keys of a site: one set for all jobs whose headers can coincide.

    A pool that sends a job again, gives two connections one extranonce1, or comes back
    after a cut with the job of before, is thus found out: a key is of a whole header,
    so jobs whose headers differ lose nothing by one set. A set goes with its last user.
    """

    _sets: dict[Content, _Shared] = field(factory=dict, init=False)

    @property
    def keys_held(self) -> int:
        """Number of keys in memory."""
        return sum(len(shared.seen) for shared in self._sets.values())

    def take(self, content: Content, new_seen: Callable[[], SeenKeys]) -> SeenKeys:
        """Return the keys for works of `content`, made by `new_seen` if there are none.

        Call `release` as often as this.
        """
        shared = self._sets.get(content)
        if shared is None:
            shared = self._sets[content] = _Shared(new_seen())
        shared.users += 1
        return shared.seen

    def release(self, content: Content) -> None:
        """Let go what `take` returned.

        Raises:
            KeyError: Nobody has it.
        """
        shared = self._sets[content]
        shared.users -= 1
        if not shared.users:
            del self._sets[content]
