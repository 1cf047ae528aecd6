"""How a node is spoken to, of its row of the configuration."""

from protocol.units import Seconds
from proxy.config import NodeConfig
from proxy.node.credentials import CookieFile, UserPassword
from proxy.node.service import NodeParams


def node_params(node: NodeConfig) -> NodeParams:
    """Return how the node of an entry of the configuration is spoken to."""
    if node.cookie_file is not None:
        credentials: CookieFile | UserPassword = CookieFile(node.cookie_file)
    else:
        password = node.password or ""
        credentials = UserPassword(node.user or "", password)
    return NodeParams(
        node.name,
        node.rpc,
        credentials,
        node.zmq_hashblock or "",
        node.network,
        Seconds(node.poll_s),
    )
