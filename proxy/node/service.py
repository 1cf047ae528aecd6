"""One node: its calls, its templates, its tip and how it is doing."""

from typing import Any, Protocol

import msgspec
from attrs import frozen
from twisted.application.service import MultiService
from twisted.logger import Logger
from typing_extensions import override

from protocol.bitcoin.network import Network
from protocol.bitcoin.template import Template
from protocol.errors import MalformedMessageError, RemoteError
from protocol.units import Seconds
from proxy.node.credentials import Credentials
from proxy.node.hashblock import HashBlockService
from proxy.node.rpc import RpcClient, make_rpc_client
from proxy.node.submitter import SubmitTarget
from proxy.node.template_feed import NodeState, TemplateFeed
from proxy.node.witness import NodeView
from proxy.runtime.tasks import Tasks


@frozen
class NodeParams:
    """One entry of the nodes in the configuration.

    Attributes:
        name: Unique among nodes and pools.
        url: `http://host:port`.
        credentials: Who we are to it.
        zmq_hashblock: ZMQ endpoint; empty: long poll and polling only.
    """

    name: str
    url: str
    credentials: Credentials
    zmq_hashblock: str = ""


class NodeListener(Protocol):
    """Who wants to know what nodes bring."""

    def template_arrived(self, node: "NodeService", template: Template) -> None:
        """The node would mine something else now."""

    def tip_arrived(self, node: "NodeService", tip: str, at: Seconds) -> None:
        """The node has another tip: its hash, displayed, and when we heard."""

    def state_changed(self, node: "NodeService") -> None:
        """`node.state`, `node.reason` or `node.network` is another."""


class _ChainInfo(msgspec.Struct):
    chain: str


_infos = msgspec.json.Decoder(_ChainInfo)
_texts: "msgspec.json.Decoder[str | None]" = msgspec.json.Decoder(str | None)


class NodeService(MultiService):
    """A node as the rest of the program sees it.

    Attributes:
        node_name: As in the configuration.
        rpc: Its calls.
        state: Up, down or syncing.
        reason: Why it is not up; empty while it is.
        network: Its chain; None until it has been asked.
    """

    _log = Logger()

    def __init__(
        self, params: NodeParams, listener: NodeListener, reactor: Any
    ) -> None:
        super().__init__()
        self.node_name = params.name
        self.rpc: RpcClient = make_rpc_client(params.url, params.credentials, reactor)
        self.state = NodeState.DOWN
        self.reason = "not connected yet"
        self.network: Network | None = None
        self._listener = listener
        self._tasks = Tasks()
        self._tip = ""
        self._tip_since = Seconds(0.0)
        self._previous_tip = ""
        self._feed = TemplateFeed(params.name, self.rpc, self, reactor)
        self._feed.setServiceParent(self)
        if params.zmq_hashblock:
            HashBlockService(
                params.zmq_hashblock, self._feed.block_heard, reactor
            ).setServiceParent(self)

    @property
    def template(self) -> Template | None:
        """The newest template; None before the first."""
        return self._feed.template

    @property
    def height(self) -> int | None:
        """Height of the tip that the newest template builds on."""
        return self.template.height - 1 if self.template else None

    @property
    def tip(self) -> str:
        """Hash of the tip, displayed; empty while not known."""
        return self._tip

    @property
    def view(self) -> NodeView | None:
        """What a pool's work can be held against; None while the node is not up."""
        if self.template is None or self.network is None:
            return None
        if self.state is not NodeState.UP or self.template.tip != self._tip:
            return None
        previous = bytes.fromhex(self._previous_tip)[::-1]
        return NodeView(self.network, self.template, self._tip_since, previous)

    @property
    def submit_target(self) -> SubmitTarget:
        """The node as one that takes blocks."""
        return SubmitTarget(self.node_name, self.rpc, lambda: self.height)

    async def propose(self, block: bytes) -> str | None:
        """Return what the node would say to `block` if it had proof of work.

        Raises:
            RemoteError: It could not be asked.
        """
        request = {"mode": "proposal", "data": block.hex(), "rules": ["segwit"]}
        result = await self.rpc.call("getblocktemplate", request)
        try:
            return _texts.decode(result)
        except msgspec.MsgspecError as error:
            raise MalformedMessageError(f"proposal: {error}") from error

    def refresh(self) -> None:
        """Ask for a template now."""
        self._feed.refresh()

    @override
    async def stopService(self) -> None:
        """Let go of all calls and connections."""
        await self._tasks.cancel_all()
        await super().stopService()
        await self.rpc.close()

    def on_template(self, template: Template) -> None:
        """Pass on what the feed brings."""
        self._listener.template_arrived(self, template)

    def on_tip(self, tip: str, at: Seconds) -> None:
        """Pass on what the feed brings."""
        self._previous_tip, self._tip, self._tip_since = self._tip, tip, at
        self._listener.tip_arrived(self, tip, at)

    def on_state(self, state: NodeState, reason: str) -> None:
        """Pass on what the feed brings; ask a node that came up for its network."""
        came_up = state is NodeState.UP and self.state is not NodeState.UP
        self.state, self.reason = state, reason
        self._listener.state_changed(self)
        if came_up:
            self._tasks.start(f"network of {self.node_name}", self._ask_network())

    async def _ask_network(self) -> None:
        try:
            info = _infos.decode(await self.rpc.call("getblockchaininfo"))
            network = Network(info.chain)
        except (RemoteError, msgspec.MsgspecError, ValueError) as error:
            self._log.warn(
                "node {name}: network not known: {error}",
                name=self.node_name,
                error=error,
            )
            return
        if network is not self.network:
            self.network = network
            self._listener.state_changed(self)
