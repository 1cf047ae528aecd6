"""The shipper's process, `python -m proxy.cluster.shipper`: of the share process.

It is told what to copy over the socket that it finds as file descriptor 3, as one line
of JSON, and ends when that is closed.
"""

import select
import signal
import socket
import sys
import time
from collections.abc import Callable

import msgspec
from twisted.logger import Logger, globalLogBeginner, textFileLogObserver

from proxy.cluster.ship import ShipError, Shipper
from proxy.cluster.ship_told import ShipSetup
from proxy.runtime.child import CHILD_FD

MAX_LINE_BYTES = 65_536

_log = Logger("proxy.cluster")


def main() -> int:
    """Copy until the link is closed; return the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)  # they are for the share process
    begin_logging()
    with socket.socket(fileno=CHILD_FD) as link:
        line = _line(link)
        if not line:
            return 0
        setup = msgspec.json.decode(line, type=ShipSetup)
        return copy(Shipper(setup, time.time), lambda s: _goes_on(link, s))  # noqa: TID251


def copy(shipper: Shipper, goes_on: Callable[[float], bool]) -> int:
    """Run a shipper; return the exit status."""
    try:
        shipper.run(goes_on)
    except ShipError as error:
        _log.error("nothing is copied: {error}", error=error)
        shipper.stopped(str(error))
        return 1
    return 0


def begin_logging() -> None:
    """Log to standard error."""
    observer = textFileLogObserver(sys.stderr)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def _line(link: socket.socket) -> bytes:
    """Return the first line; empty: the link was closed before it came."""
    data = b""
    while b"\n" not in data and len(data) < MAX_LINE_BYTES:
        more = link.recv(MAX_LINE_BYTES)
        if not more:
            return b""
        data += more
    return data.partition(b"\n")[0]


def _goes_on(link: socket.socket, seconds: float) -> bool:
    """Wait for so long; return whether the share process is still there."""
    readable, _, _ = select.select([link], [], [], seconds)
    return not readable or link.recv(MAX_LINE_BYTES) != b""


if __name__ == "__main__":
    sys.exit(main())
