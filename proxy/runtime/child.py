"""Keep a child process running, with a stream between it and us."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from protocol.units import Seconds

CHILD_FD = 3
"""Where the child finds its end of the stream, an AF_UNIX socket."""

FIRST_DELAY = Seconds(0.25)
LONGEST_DELAY = Seconds(30.0)
STEADY_AFTER = Seconds(60.0)
"""A child that lived so long is started again at once, as if it were the first."""

LEAVE_WITHIN = Seconds(5.0)
"""How long a child has to go by itself once its stream is closed."""


class ChildService(Service):
    """Runs `command`, again and again with growing pauses, until it is stopped.

    Args:
        command: Absolute path of the program, and its arguments.
        environment: All that it has.
        factory: Makes our end of the stream, at each start of the child.
        reactor: Spawns processes, adopts sockets, keeps time.
    """

    _log = Logger()

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        factory: IProtocolFactory,
        reactor: Any,
    ) -> None:
        self._command = command
        self._environment = environment
        self._factory = factory
        self._reactor = reactor
        self._process: Any = None
        self._transport: Any = None
        self._pause: IDelayedCall | None = None
        self._delay = FIRST_DELAY
        self._started_at = 0.0
        self._gone: Deferred[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id of the child; None between two."""
        return None if self._process is None else self._process.pid

    @override
    def startService(self) -> None:
        super().startService()
        self._spawn()

    @override
    async def stopService(self) -> None:
        """Close the stream, wait for the child to go, kill it if it does not."""
        super().stopService()
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if self._process is None:
            return
        self._gone = Deferred()
        if self._transport is not None:
            # First: asked for its messages by a transport that was full, one that stays
            # registered would keep it from closing.
            self._transport.unregisterProducer()
            self._transport.loseConnection()
        # The end of the stream tells the child to go, as it does where we are killed.
        late = self._reactor.callLater(LEAVE_WITHIN, self.kill, "it does not go")
        await self._gone
        if late.active():
            late.cancel()

    def kill(self, why: str) -> None:
        """End the child now; it is started again unless the service has stopped."""
        if self._process is not None:
            self._log.warn("killing {name}: {why}", name=self._name, why=why)
            self._process.signalProcess("KILL")

    def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        # Closed in this process behind the block: adopting duplicates our end, and the
        # child has its own.
        with ours, theirs, open(os.devnull, "rb") as nothing:  # noqa: PTH123
            ours.setblocking(False)
            self._started_at = self._reactor.seconds()
            self._process = self._reactor.spawnProcess(
                _Watch(self),
                self._command[0],
                self._command,
                self._environment,
                # No standard input, and what it prints goes where our log goes, not
                # into our output.
                childFDs={0: nothing.fileno(), 1: 2, 2: 2, CHILD_FD: theirs.fileno()},
            )
            self._transport = self._reactor.adoptStreamConnection(
                ours.fileno(), socket.AF_UNIX, self._factory
            )

    def ended(self, how: str) -> None:
        """Take note that the child is gone, and start the next one in a while."""
        self._process = None
        if not self.running:
            if self._gone is not None:
                self._gone.callback(None)
            return
        lived = self._reactor.seconds() - self._started_at
        if lived >= STEADY_AFTER:
            self._delay = FIRST_DELAY
        self._log.error(
            "{name} ended after {lived:.1f} s ({how}): again in {delay} s",
            name=self._name,
            lived=lived,
            how=how,
            delay=self._delay,
        )
        self._pause = self._reactor.callLater(self._delay, self._spawn)
        self._delay = Seconds(min(2 * self._delay, LONGEST_DELAY))

    @property
    def _name(self) -> str:
        return " ".join(self._command[1:3])


class _Watch(ProcessProtocol):
    """Tells the service when its child is gone."""

    def __init__(self, service: ChildService) -> None:
        self._service = service

    @override
    def processEnded(self, reason: Failure) -> None:
        self._service.ended(reason.getErrorMessage())
