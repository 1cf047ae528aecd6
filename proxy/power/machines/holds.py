"""Machines that operators hold off by hand: names and globs."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from attrs import define, field

MAX_HOLDS = 256
"""Each machine that comes is held against all of them: 0.3 ms at the most."""

_WILD = frozenset("*?[")


@define(eq=False, repr=False)
class Holds:
    """What is held off.

    Attributes:
        patterns: Each the name of a worker, an address, or both with a blank between;
            or a glob on these.
    """

    patterns: Sequence[str] = ()
    _names: frozenset[str] = field(init=False)
    _globs: Sequence[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        globs = [pattern for pattern in self.patterns if _WILD.intersection(pattern)]
        self._globs = globs
        self._names = frozenset(self.patterns).difference(globs)

    def pattern_of(self, worker: str, address: str) -> str:
        """Return by what the machine of a worker at an address is held off.

        Empty if it is not.
        """
        for name in (worker, address, f"{address} {worker}"):
            if name in self._names:
                return name
            for glob in self._globs:
                if fnmatchcase(name, glob):
                    return glob
        return ""


NONE_HELD = Holds()
