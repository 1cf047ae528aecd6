"""A port whose connections the share engine takes."""

from typing import Any, Protocol

from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from typing_extensions import override

from proxy.downstream.connection import SiteFactory
from proxy.downstream.listener import MinerListener
from proxy.downstream.listener_policy import ListenerPolicy


class SocketTaker(Protocol):
    """What takes the connections of listening sockets."""

    def open(
        self, descriptor: int, listener_policy: SiteFactory | ListenerPolicy
    ) -> None:
        """Take the connections of a listening socket, as its policy says."""

    def shut(self, descriptor: int) -> None:
        """Take no more connections of a listening socket."""

    def can_speak(self, protocol: str) -> bool:
        """Tell whether connections can be served by `protocol`: sv1, sv2, auto."""


class NativeListener(MinerListener):
    """A port whose connections the engine takes, once it is open."""

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        listener_policy: SiteFactory | ListenerPolicy,
        native: SocketTaker,
    ) -> None:
        super().__init__(endpoint, listener_policy)
        self._native = native
        self._descriptor: int | None = None

    @override
    async def ready(self) -> IListeningPort:
        port: Any = await super().ready()
        port.stopReading()
        self._descriptor = port.fileno()
        self._native.open(port.fileno(), self._listener_policy)
        opened: IListeningPort = port
        return opened

    @override
    def can_speak(self, protocol: str) -> bool:
        return self._native.can_speak(protocol)

    @override
    def look(self) -> None:
        """Leave it to the engine, which rests all its ports at once."""

    @override
    async def stopService(self) -> None:
        if self._descriptor is not None:
            self._native.shut(self._descriptor)
            self._descriptor = None
        await super().stopService()
