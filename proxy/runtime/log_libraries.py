"""Bring what libraries log by Python's own `logging` into our log."""

import logging
from types import TracebackType

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure
from typing_extensions import override

_LEVELS = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
)


class LibraryHandler(logging.Handler):
    """Turns warnings of libraries, and what is worse, into events.

    Without it Python writes them on standard error, past the log and its limits.

    Args:
        observer: Is told of them.
    """

    def __init__(self, observer: ILogObserver) -> None:
        super().__init__(logging.WARNING)
        self._observer = observer

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._tell(record)
        except Exception:  # noqa: BLE001  (whatever it is, it is not the library's call)
            self.handleError(record)

    def _tell(self, record: logging.LogRecord) -> None:
        # The handler's level lets nothing below WARNING come here.
        level = next(ours for least, ours in _LEVELS if record.levelno >= least)
        failure = _failure_of(record)
        Logger(record.name, observer=self._observer).emit(
            level,
            "{text}",
            text=record.getMessage(),
            # lines of one statement are counted together
            statement=f"{record.module}, line {record.lineno}",
            **({} if failure is None else {"log_failure": failure}),
        )


def take_in_libraries(observer: ILogObserver) -> None:
    """Let `observer` hear what libraries log in this process."""
    logging.getLogger().addHandler(LibraryHandler(observer))


def _failure_of(record: logging.LogRecord) -> Failure | None:
    match record.exc_info:
        case (_, BaseException() as error, TracebackType() | None as where):
            return Failure(error, type(error), where)
    return None
