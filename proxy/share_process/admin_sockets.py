"""The sockets that operators and observers ask the process by."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from protocol.units import UnixTime
from proxy.admin.access import Access
from proxy.admin.action_record import ActionRecord
from proxy.admin.actions import Actions
from proxy.admin.listen import AdminEndpoint
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.server import AdminFactory
from proxy.admin.states import States
from proxy.admin.topics import Topics
from proxy.config.model import ProxyConfig
from proxy.runtime.listener import ListenerService
from proxy.runtime.one_thread import OneThread
from proxy.runtime.tasks import Tasks
from proxy.shares.database import LEDGER_FILE
from proxy.shares.reader import LedgerReader


@frozen
class AdminSockets:
    """Makes the listeners of both sockets.

    Attributes:
        running: What is asked about.
        topics: What happens, for those who subscribed.
        change_level: Changes the level of the log; None: nobody set one up.
        tasks: Actions under way.
    """

    running: Running
    settings: ProxyConfig
    reactor: Any  # of sockets and threads
    topics: Topics
    change_level: Callable[[str], None] | None
    wall_clock: Callable[[], UnixTime]
    tasks: Tasks

    def operations(self) -> Operations:
        """Return what answers the calls of one socket, with a reader of its own."""
        return Operations(self.running, self._reader())

    def listeners(
        self, operations: Operations
    ) -> Iterator[tuple[AdminFactory, ListenerService]]:
        """Yield each socket's listener, and who serves it.

        Args:
            operations: They answer the operators.
        """
        proxy = self.settings
        access = Access(int(proxy.admin_mode, 8), proxy.admin_group)
        yield self._listener(proxy.admin, access, operations, may_steer=True)
        if proxy.observer:
            access = Access(int(proxy.observer_mode, 8), proxy.observer_group)
            # of their own: an operator's calls do not stand in line behind observers'
            theirs = self.operations()
            yield self._listener(proxy.observer, access, theirs, may_steer=False)

    def _listener(
        self, endpoint: str, access: Access, operations: Operations, *, may_steer: bool
    ) -> tuple[AdminFactory, ListenerService]:
        path = Path(endpoint.removeprefix("unix:"))
        role = "admin" if may_steer else "observer"
        Logger("proxy").info("{role} socket at {path}", role=role, path=path)
        for folder in access.closed_folders(path):
            Logger("proxy").warn(
                "{path}: those who may open it cannot enter {folder}",
                path=path,
                folder=folder,
            )
        record = ActionRecord(lambda: self.running.power, self.tasks)
        actions = Actions(
            States(self.running),
            self.topics.publish,
            self.wall_clock,
            record.keep,
            self.tasks,
        )
        factory = AdminFactory(
            operations,
            self.reactor,
            may_steer=may_steer,
            topics=self.topics,
            set_level=self.change_level,
            actions=actions,
        )
        endpoint_of = AdminEndpoint(self.reactor, path, access)
        return factory, ListenerService(endpoint_of, factory)

    def _reader(self) -> LedgerReader:
        pool = self.reactor.getThreadPool()
        # each thread holds up the reactor's by 5 ms
        one = OneThread(partial(deferToThreadPool, self.reactor, pool))
        return LedgerReader(Path(self.settings.state_dir) / LEDGER_FILE, one.run)
