"""Machines that operators hold off by hand: names and globs."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase, translate

from attrs import define, field

MAX_HOLDS = 256
"""Each machine that comes is held against all of them: 15 µs, and
0.3 ms where each begins with a star (Python 3.11)."""

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
    _any_glob: re.Pattern[str] | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        globs = [pattern for pattern in self.patterns if _WILD.intersection(pattern)]
        self._globs = globs
        self._names = frozenset(self.patterns).difference(globs)
        self._any_glob = re.compile("|".join(map(translate, globs))) if globs else None

    def holds(self, worker: str, address: str) -> bool:
        """Tell whether the machine of a worker at an address is held off."""
        names, any_glob = _names_of(worker, address), self._any_glob
        if not self._names.isdisjoint(names):
            return True
        return any_glob is not None and any(map(any_glob.match, names))

    def pattern_of(self, worker: str, address: str) -> str:
        """Return by what the machine of a worker at an address is held off.

        Empty if it is not.
        """
        if not self.holds(worker, address):
            return ""
        names = _names_of(worker, address)
        own = (name for name in names if name in self._names)
        of_globs = (g for g in self._globs if any(fnmatchcase(n, g) for n in names))
        return next(own, None) or next(of_globs)


def _names_of(worker: str, address: str) -> tuple[str, str, str]:
    return worker, address, f"{address} {worker}"


NONE_HELD = Holds()
