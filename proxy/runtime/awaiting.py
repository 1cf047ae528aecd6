"""Log what fails in a coroutine; that it is cancelled is no failure."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger


@contextmanager
def failures_logged(log: Logger, what: str, /, **values: Any) -> Iterator[None]:
    """Log a failure of the body, and go on behind it: for a body that awaits.

    `Logger.failuresHandled` takes BaseException. With it a coroutine that is cancelled,
    or thrown away while it waits (GeneratorExit), is logged as a fault of ours.

    Args:
        log: Where to.
        what: Format of the line.
        values: What it names.

    Raises:
        CancelledError: The body was cancelled.
    """
    try:
        yield
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001  (this is the net)
        log.failure(what, **values)
