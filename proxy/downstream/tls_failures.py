"""Connections to a port with TLS that never came to speak Stratum."""

from typing import Any

from attrs import define, field
from OpenSSL import SSL
from twisted.logger import Logger
from twisted.python.failure import Failure


@define(eq=False, repr=False)
class TlsFailures:
    """Tells of them: a stranger's old version, a miner's wrong certificate.

    Attributes:
        site: Whose ports they came to.
        count: How many there were since the start.
    """

    _log = Logger()

    site: str
    count: int = field(default=0, init=False)

    def note(self, transport: Any, reason: Failure) -> None:
        """Count a connection that is lost, and log why, if it was for its TLS.

        A flood of such lines is cut by the log, as of every kind.
        """
        if not reason.check(SSL.Error):
            return
        self.count += 1
        self._log.info(
            "{site}: no TLS with {peer}: {why}",
            site=self.site,
            peer=getattr(transport.getPeer(), "host", "local"),
            why=why_of(reason.value or SSL.Error()),
        )


def why_of(error: BaseException) -> str:
    """Return in OpenSSL's words what was wrong.

    Its errors are lists of library, function and reason, the first cause first.
    """
    causes = error.args[0] if error.args else ()
    words = [cause[2] for cause in causes] if isinstance(causes, list) else []
    return ", ".join(filter(None, words)) or type(error).__name__
