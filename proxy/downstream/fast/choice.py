"""Which share engine a process runs with, and why not the faster one."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, Protocol

from attrs import frozen
from twisted.internet.interfaces import IStreamServerEndpoint

from proxy.downstream.connection import SiteFactory
from proxy.downstream.listener import MinerListener
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.jobs.ports import JobCopies, NoCopies
from proxy.shares.record import Recorder

EngineSetting = Literal["auto", "native", "python"]

_PLAIN = ("tcp:", "tcp6:", "systemd:")
"""Endpoints whose sockets an engine may read; the others' bytes are wrapped."""


class NoEngineError(Exception):
    """The native engine was asked for and cannot be had."""


class SiteEngine(Protocol):
    """What takes a site's connections and judges their shares."""

    def start(self) -> None:
        """Begin to."""

    def stop(self) -> None:
        """End it: what was judged is answered before."""

    def close(self) -> None:
        """Let go of the connections, after `stop`: their miners have left."""

    def settle(self) -> None:
        """Let miners take note of what was counted for them: call each second."""

    def listener(
        self,
        endpoint: IStreamServerEndpoint,
        listener_policy: SiteFactory | ListenerPolicy,
    ) -> MinerListener:
        """Return the service of a port whose connections it takes."""


class PythonEngine:
    """Twisted takes the connections, and each miner judges its own shares."""

    def start(self) -> None:
        """Nothing to do: the listeners are all."""

    def stop(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do: Twisted tells each connection."""

    def settle(self) -> None:
        """Nothing to do: miners count for themselves."""

    def listener(
        self,
        endpoint: IStreamServerEndpoint,
        listener_policy: SiteFactory | ListenerPolicy,
    ) -> MinerListener:
        """Return a service for Twisted's own port."""
        return MinerListener(endpoint, listener_policy)


@frozen
class EngineChoice:
    """The engine of a process.

    Attributes:
        name: As status shows it.
        reason: Why it is the Python path; else what the engine hashes with.
        threads: That read and judge at the same time; the Python path has none.
    """

    name: Literal["native", "python"]
    reason: str
    threads: int = 1

    def copies(self) -> Callable[[], JobCopies]:
        """Return what makes the copies of jobs that the engine judges by."""
        if self.name == "python":
            return NoCopies
        jobs: Any = import_module("proxy.engine.engine").Jobs
        return lambda: jobs(self.threads)

    def of_site(
        self, factory: SiteFactory, recorder: Recorder, reactor: Any
    ) -> SiteEngine:
        """Return an engine for the miners of `factory`."""
        if self.name == "python":
            return PythonEngine()
        port = import_module("proxy.downstream.fast.port")
        engine: SiteEngine = port.NativePort(factory, recorder, reactor, self.threads)
        return engine


def choose_engine(wanted: EngineSetting, threads: int = 1) -> EngineChoice:
    """Return the native engine where it was built, else the Python path.

    Raises:
        NoEngineError: `wanted` leaves no choice, and it was not built.
    """
    if wanted == "python":
        return EngineChoice("python", "the configuration asks for it")
    try:
        engine = import_module("proxy.engine.engine")
    except ImportError as error:
        if wanted == "native":
            raise NoEngineError(f"the native engine was not built: {error}") from error
        return EngineChoice("python", f"the native engine was not built: {error}")
    how = engine.choose_sha256()
    if threads > 1:
        how = f"{how}, {threads} threads"
    return EngineChoice("native", how, threads)


def is_plain(endpoint: str) -> bool:
    """Tell whether an endpoint string is one of plain TCP."""
    return endpoint.startswith(_PLAIN)
