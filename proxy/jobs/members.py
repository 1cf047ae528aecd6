"""The miners of a group, those that hash most before the others."""

import math
from collections.abc import Collection, Iterator

from attrs import define, field

from protocol.units import HashesPerSecond
from proxy.jobs.ports import HASHRATE_CLASSES, MinerPort


def hashrate_class(hashrate: HashesPerSecond) -> int:
    """Return the class of a hashrate; each begins at sqrt(2) times the one below.

    In order of such classes the mean delay of a hash is within a few per cent of that
    in order of the hashrates themselves, and nothing has to be sorted.
    """
    part, octave = math.frexp(hashrate)
    # frexp's fraction is 0.5 or more: the upper half of an octave begins at sqrt(0.5).
    number = 2 * octave + (part >= math.sqrt(0.5))
    return min(max(number, 0), HASHRATE_CLASSES - 1)


@define(eq=False, repr=False)
class Members:
    """Miners by class; within one in the order in which they came to it."""

    _class_of: dict[MinerPort, int] = field(factory=dict, init=False)
    _by_class: dict[int, dict[MinerPort, None]] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._class_of)

    def __contains__(self, miner: object) -> bool:
        return miner in self._class_of

    def __iter__(self) -> Iterator[MinerPort]:
        """Return the miners that are in now, the biggest hashrate first."""
        numbers = sorted(self._by_class, reverse=True)
        # A copy: while some are served, others come and go.
        return iter([miner for n in numbers for miner in self._by_class[n]])

    @property
    def classes(self) -> Collection[int]:
        """Numbers of the classes that have miners."""
        return self._by_class.keys()

    def of_class(self, number: int) -> Collection[MinerPort]:
        """Return the miners of a class."""
        return self._by_class.get(number, {})

    def put(self, miner: MinerPort) -> None:
        """Count `miner` in, or among those of the class that it has now."""
        self.discard(miner)
        number = self._class_of[miner] = miner.hashrate_class
        self._by_class.setdefault(number, {})[miner] = None

    def discard(self, miner: MinerPort) -> None:
        """Count `miner` out."""
        number = self._class_of.pop(miner, None)
        if number is None:
            return
        left = self._by_class[number]
        del left[miner]
        if not left:
            del self._by_class[number]
