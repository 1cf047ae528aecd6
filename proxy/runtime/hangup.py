"""What SIGHUP does to a process: it reloads, or it ends with its terminal."""

import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from proxy.runtime.shutdown import stop

TERMINAL = "/dev/tty"
"""The controlling terminal of whoever opens it; see tty(4)."""


def has_terminal(path: str = TERMINAL) -> bool:
    """Tell whether this process has a controlling terminal."""
    try:
        # O_NOCTTY: a look must not give the process a terminal.
        os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def take_hangups(
    reactor: Any, reload: Callable[[], None], *, at_terminal: bool
) -> None:
    """Call `reload` at each SIGHUP from now on, on the reactor.

    Under nohup it stays without effect.

    Args:
        reactor: Whose thread calls it.
        reload: What a daemon does.
        at_terminal: There is a controlling terminal: stop the reactor instead. The
            terminal was closed, and nothing shall be left behind.
    """
    # nohup sets it before it starts us.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return
    what = partial(stop, reactor) if at_terminal else reload
    # From the handler the reactor is only woken: Python may run it in the middle of
    # anything.
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(what))
