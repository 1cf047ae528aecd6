"""The web side put together: read `WebSide.of` to know it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_bytes
from typing import Any

from attrs import frozen
from twisted.application.service import IService, Service
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from typing_extensions import override

from proxy.admin.action_record import ActionRecord
from proxy.admin.actions import Actions
from proxy.admin.operations import Operations
from proxy.admin.running import Running
from proxy.admin.states import States
from proxy.admin.topics import Topics
from proxy.config.web import WebConfig
from proxy.history.file import HISTORY_FILE, HistoryFile
from proxy.history.service import HistoryService, Keeper
from proxy.runtime.http_limits import LimitedSite
from proxy.runtime.listener import ListenerService
from proxy.runtime.tasks import Tasks, TasksService
from proxy.runtime.tls import check_files
from proxy.shares.database import LEDGER_FILE
from proxy.web.answers import Answer
from proxy.web.archive import Archive, Disk
from proxy.web.doors import Doors
from proxy.web.event_log import EventLog
from proxy.web.files import Files
from proxy.web.health import Health
from proxy.web.histories import Histories
from proxy.web.hosts import Hosts
from proxy.web.inner_metrics import InnerFigures, OrderCounts
from proxy.web.lateness import Lateness
from proxy.web.log_files import FOLDER, LogFiles
from proxy.web.metrics import Figures, metrics_of
from proxy.web.pulse import Pulse
from proxy.web.reads import Reads
from proxy.web.resource import WebResource
from proxy.web.routes import Routes
from proxy.web.sampling import Sampler
from proxy.web.site import web_site
from proxy.web.site_map import SiteMap
from proxy.web.statement_pages import StatementPages
from proxy.web.steering import Steering
from proxy.web.stream import Streams
from proxy.web.tenancy import Tenancy
from proxy.web.worker_metrics import WorkerMetrics

OPENAPI = Path(__file__).parent / "openapi.json"


@frozen
class WebSide:
    """Dashboard, API and metrics of a share process.

    Attributes:
        site: Serves connections.
    """

    site: LimitedSite
    streams: Streams
    pulse: Pulse
    tasks: Tasks
    history: HistoryService
    lateness: Lateness

    @classmethod
    def of(
        cls,
        running: Running,
        operations: Operations,
        topics: Topics,
        reactor: Any,
        disk: Disk,
    ) -> "WebSide":
        """Return the web side of `running`, whose sites are open.

        Args:
            running: What is shown.
            operations: Of its own: nobody else's calls wait for those of browsers.
            topics: Where news comes from.
            reactor: Its clock, its endpoints.
            disk: The state folder.
        """
        streams = Streams(reactor.seconds)
        events = EventLog(topics, running.wall_clock)
        maps = {
            name: SiteMap(name, factory) for name, factory in running.factories.items()
        }
        pulse = Pulse(running, operations, streams, events, maps, reactor)
        routes = Routes()
        Reads(running, operations, pulse, streams, events, maps).add_to(routes)
        archive = Archive(disk.folder, disk.line())
        keeper = Keeper(
            HistoryFile(disk.folder / HISTORY_FILE),
            Sampler(running, operations).look,
            running.wall_clock,
            disk.line(),
        )
        Histories(running, operations, keeper, archive, pulse.pieces.turn).add_to(
            routes
        )
        Tenancy(running, archive).add_to(routes)
        StatementPages(running, Archive(disk.folder, disk.line())).add_to(routes)
        health = Health(running, operations, reactor.seconds)
        health.add_to(routes)
        pulse.turned = health.turned
        lateness = Lateness(reactor)
        ledger = disk.folder / LEDGER_FILE
        inner = InnerFigures(running, OrderCounts(topics), lateness, ledger)
        figures = Figures(running, operations, health, streams, inner)
        routes.add("GET", "/metrics", metrics_of(figures))
        document = OPENAPI.read_bytes()
        routes.add("GET", "/api/v1/openapi.json", lambda _: Answer(document))
        settings, tasks = _settings_of(running), Tasks()
        workers = WorkerMetrics(
            running, settings, reactor.seconds, pulse.pieces.turn, disk.line()
        )
        routes.add("GET", "/metrics/workers", workers.answer)
        states = States(running)
        record = ActionRecord(lambda: running.power, tasks).keep
        tell, clock = topics.publish, running.wall_clock
        actions = Actions(states, tell, clock, record, tasks)
        doors = Doors(settings, reactor.seconds, token_bytes)
        streams.trusts, streams.may_steer = doors.is_trusted_proxy, doors.may_steer
        Steering(operations, actions, doors).add_to(routes)
        hosts = Hosts(settings)
        log = LogFiles(disk.folder / FOLDER)
        resource = WebResource(hosts, routes, Files.read(), streams, tasks, log)
        history = HistoryService(keeper, reactor)
        site = web_site(resource, reactor)
        return cls(site, streams, pulse, tasks, history, lateness)

    def services(self) -> Iterator[IService]:
        """Yield what runs beside the listener."""
        yield TasksService(self.tasks)
        yield self.pulse.service()
        yield self.history
        yield self.lateness.service()
        yield _Goodbye(self.streams)

    def listener(self, listen: str, reactor: Any) -> ListenerService:
        """Return what listens; await its `ready`."""
        Logger("proxy").info("dashboard at {listen}", listen=listen)
        check_files(listen)
        return ListenerService(serverFromString(reactor, listen), self.site)


class _Goodbye(Service):
    """Hangs up on viewers when it is stopped: their streams never end by themselves."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    @override
    def stopService(self) -> None:
        super().stopService()
        self._streams.close()


def _settings_of(running: Running) -> Callable[[], WebConfig]:
    """Return what returns `[proxy.web]` as it is in force."""

    def settings() -> WebConfig:
        return running.config.proxy.web_settings or WebConfig(listen="")

    return settings
