"""A port for miners, which rests while there is no room for more of them."""

from typing import Any

from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from typing_extensions import override

from proxy.downstream.connection import SiteFactory
from proxy.downstream.listener_policy import ListenerPolicy
from proxy.runtime.listener import ListenerService
from proxy.runtime.tcp import bound_connections


class MinerListener(ListenerService):
    """A port whose connections Twisted takes."""

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        listener_policy: SiteFactory | ListenerPolicy,
    ) -> None:
        super().__init__(endpoint, listener_policy)
        self._listener_policy = listener_policy
        self._open: Any = None
        self._is_resting = False

    @override
    async def ready(self) -> IListeningPort:
        port = await super().ready()
        self._open = port
        listening = getattr(port, "socket", None)
        if listening is not None:
            bound_connections(listening)
        return port

    def can_speak(self, protocol: str) -> bool:  # noqa: ARG002  (Twisted speaks all)
        """Tell whether its connections can be served by `protocol`: sv1, sv2, auto."""
        return True

    def look(self) -> None:
        """Rest while there is no room, and go on when there is: call each second."""
        is_resting = not self._listener_policy.factory.descriptors.has_room()
        if self._open is None or is_resting is self._is_resting:
            return
        self._is_resting = is_resting
        if is_resting:
            self._open.stopReading()
        else:
            self._open.startReading()

    @override
    async def stopService(self) -> None:
        self._open = None
        await super().stopService()
