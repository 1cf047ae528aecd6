"""One node: its calls, its templates, its tip and how it is doing."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from attrs import frozen
from twisted.application.service import MultiService
from twisted.logger import Logger
from typing_extensions import override

from protocol.bitcoin.network import Network
from protocol.errors import RemoteError
from protocol.units import Seconds
from protocol.unreadable import UNREADABLE
from protocol.work.template import Template
from proxy.node.credentials import Credentials
from proxy.node.hashblock import HashBlockService
from proxy.node.pool_check import ChainView
from proxy.node.proposal import propose
from proxy.node.rpc import RpcClient, make_rpc_client
from proxy.node.submitter import SubmitTarget
from proxy.node.template_feed import POLL_SECONDS, NodeState, TemplateFeed
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks

NETWORK_SECONDS = Seconds(10.0)
"""How often a node is asked which network it is on: another may stand there now."""


@frozen
class NodeParams:
    """One entry of the nodes in the configuration.

    Attributes:
        name: Unique among nodes and pools.
        url: `http://host:port`.
        credentials: Who we are to it.
        zmq_hashblock: ZMQ endpoint; empty: long poll and polling only.
        network: The one it must be on; None: whichever it is on.
        poll: How often it is asked for its tip.
    """

    name: str
    url: str
    credentials: Credentials
    zmq_hashblock: str = ""
    network: Network | None = None
    poll: Seconds = POLL_SECONDS


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


class NodeService(MultiService):
    """A node as the rest of the program sees it.

    Attributes:
        params: How it is spoken to.
        node_name: As in the configuration.
        rpc: Its calls.
        state: Up, down or syncing.
        reason: Why it is not up; empty while it is.
        network: Its chain; None until it has been asked, and while it is not up.
        fault: Why it is not believed though it is up; empty if it is.
    """

    _log = Logger()

    def __init__(
        self, params: NodeParams, listener: NodeListener, reactor: Any
    ) -> None:
        super().__init__()
        self.params = params
        self.node_name = params.name
        self.rpc: RpcClient = make_rpc_client(params.url, params.credentials, reactor)
        self.state = NodeState.DOWN
        self.reason = "not connected yet"
        self.network: Network | None = None
        self.fault = ""
        self._expected = params.network
        self._listener = listener
        self._tasks = Tasks()
        self._tip = ""
        self._tip_since = Seconds(0.0)
        self._previous_tip = ""
        self._feed = TemplateFeed(params.name, self.rpc, self, reactor, params.poll)
        self._feed.setServiceParent(self)
        asking = PeriodicService(
            NETWORK_SECONDS, self._ask_network, reactor, cancels=True
        )
        asking.setServiceParent(self)
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
    def view(self) -> ChainView | None:
        """What a pool's work can be held against; None while the node is not up."""
        if self.template is None or self.network is None or self.fault:
            return None
        # Between the news of a tip and its template there is nothing to compare with.
        if self.state is not NodeState.UP or self.template.tip != self._tip:
            return None
        previous = bytes.fromhex(self._previous_tip)[::-1]
        return ChainView(self.network, self.template, self._tip_since, previous)

    @property
    def submit_target(self) -> SubmitTarget:
        """The node as one that takes blocks."""
        return SubmitTarget(self.node_name, self.rpc, lambda: self.height)

    def try_block(self, block: bytes, tried: Callable[[str | None], None]) -> None:
        """Propose `block`; `tried` hears what the node said, if it said anything."""
        self._tasks.start(f"proposal to {self.node_name}", self._try(block, tried))

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
        if state is not NodeState.UP:
            self.network = None  # it may come back as another
        self._listener.state_changed(self)
        if came_up:
            self._tasks.start(f"network of {self.node_name}", self._ask_network())

    async def _try(self, block: bytes, tried: Callable[[str | None], None]) -> None:
        try:
            verdict = await propose(self.rpc, block)
        except RemoteError as error:
            self._log.info(
                "node {name}: proposal: {error}", name=self.node_name, error=error
            )
            return
        tried(verdict)

    async def _ask_network(self) -> None:
        if self.state is not NodeState.UP:
            return
        try:
            info = _infos.decode(await self.rpc.call("getblockchaininfo"))
            network = Network(info.chain)
        except (RemoteError, *UNREADABLE, ValueError) as error:
            self._log.warn(
                "node {name}: network not known: {error}",
                name=self.node_name,
                error=error,
            )
            return
        if network is not self.network:
            self._learn(network)

    def _learn(self, network: Network) -> None:
        """Take note of the network, and of whether it is the one we want."""
        # A node that is on the right network again is believed again.
        self.network, self.fault = network, ""
        if self._expected not in {None, network}:
            self.fault = f"on {network}, not on {self._expected} as configured"
            self._log.error("node {name} is {why}", name=self.node_name, why=self.fault)
        self._listener.state_changed(self)
