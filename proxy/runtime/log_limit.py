"""How often a line of one kind may be logged: a flood is counted, not written."""

from threading import RLock

from attrs import define, field

WINDOW_S = 60.0
LINES_A_WINDOW = 100
"""Of one kind: at 150 B a line no kind writes more than 22 MB a day."""

MAX_KINDS = 1024
"""Kinds told apart. They come from constants of the code and names of the
configuration; beyond that number the new ones are counted together."""

Kind = tuple[str, str]
"""Where in the code, and what it says."""

REST: Kind = ("", "lines of other kinds")


@define(eq=False, repr=False)
class _Window:
    since: float
    let_through: int = 0
    left_out: int = 0


@define(eq=False, repr=False)
class KindLimit:
    """Lets so many lines of each kind through a minute, and counts the rest.

    Any thread may log, and a finaliser may do so in the middle of another line:
    hence the lock, and that one may take it twice.
    """

    _windows: dict[Kind, _Window] = field(factory=dict, init=False)
    _untold: dict[Kind, int] = field(factory=dict, init=False)
    _lock: RLock = field(factory=RLock, init=False)

    def admits(self, kind: Kind, now: float) -> bool:
        """Return whether one more line of `kind` is written; count it if not.

        Args:
            kind: What it is counted with.
            now: Wall clock; where it was set back, a new window begins.
        """
        with self._lock:
            window = self._window(kind, now)
            if window.let_through < LINES_A_WINDOW:
                window.let_through += 1
                return True
            window.left_out += 1
            return False

    def left_out(self, now: float) -> dict[Kind, int]:
        """Return how many lines were left out in windows that are over by `now`.

        Each is returned once. An infinite `now` ends every window.
        """
        with self._lock:
            # A copy: _end takes windows out.
            for kind, window in self._windows.copy().items():
                if _is_over(window, now):
                    self._end(kind)
            untold, self._untold = self._untold, {}
            return untold

    def _window(self, kind: Kind, now: float) -> _Window:
        # Those that are known keep their own count.
        if kind not in self._windows and len(self._windows) >= MAX_KINDS:
            kind = REST
        window = self._windows.get(kind)
        if window is not None and _is_over(window, now):
            self._end(kind)
            window = None
        if window is None:
            window = self._windows[kind] = _Window(now)
        return window

    def _end(self, kind: Kind) -> None:
        left_out = self._windows.pop(kind).left_out
        if left_out:
            self._untold[kind] = self._untold.get(kind, 0) + left_out


def _is_over(window: _Window, now: float) -> bool:
    return not 0.0 <= now - window.since < WINDOW_S
