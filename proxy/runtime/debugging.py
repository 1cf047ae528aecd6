"""Whether anybody wants lines of level debug, of which a crowd of miners has many.

A line that the log then leaves out costs 5 µs all the same: ten thousand miners that
come at once are to be spared that.
"""


class _Wanted:
    lines = True  # until a log is opened that leaves them out


def want_debug_lines(is_wanted: bool) -> None:  # noqa: FBT001  (all there is to say)
    """Note whether the log of this process writes them."""
    _Wanted.lines = is_wanted


def is_debugging() -> bool:
    """Tell whether they are written."""
    return _Wanted.lines
