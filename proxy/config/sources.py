"""`[[pools]]` and `[[nodes]]`: where work comes from."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from protocol.bitcoin.network import Network
from proxy.config.fields import Name, NotNegative, Positive, Section, written
from proxy.config.secret import Secret

NO_PASSWORD = Secret("x")  # what pools expect by custom


class PoolConfig(Section, frozen=True, kw_only=True):
    """`[[pools]]`: where shares are sold.

    Attributes:
        name: What sources and `pools` call it.
        version_rolling: Whether a pool that lets no bits of the version roll is used.
        on_mismatch: What follows where that node contradicts it.
        url: `stratum+tcp://`, `stratum+tls://` or `stratum2+tcp://`, host and port.
        user: `{worker}` in it opens one connection for each identity.
        password: Of Stratum V1 alone.
        check_against: Node that this pool's jobs are checked with; None: unchecked.
        fingerprint: SHA-256 of the one certificate to trust, hexadecimal.
        ca_file: Authorities to trust; None: the system's.
        reconnect: Follow `client.reconnect` within the pool's own domain.
    """

    name: Name
    url: str
    user: Annotated[str, Meta(min_length=1, max_length=256)]
    password: Secret = NO_PASSWORD
    version_rolling: Literal["allowed", "required"] = "allowed"
    check_against: str | None = None
    on_mismatch: Literal["alarm", "leave"] = "alarm"
    fingerprint: (
        Annotated[
            str,
            written(
                r"^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$",
                "the 64 hexadecimal digits of a SHA-256",
            ),
        ]
        | None
    ) = None
    ca_file: Path | None = None
    reconnect: bool = False


class NodeConfig(Section, frozen=True, kw_only=True):
    """`[[nodes]]`: a Bitcoin node.

    Attributes:
        name: What sources and `nodes` call it.
        rpc: Its JSON-RPC.
        user: For RPC without a cookie.
        password: Likewise.
        cookie_file: Its `.cookie`; this, or `user` and `password`.
        zmq_hashblock: None: long poll and polling only.
        payout_address: Makes the node a source of work.
        min_block_difficulty: Regtest only: what a share must reach to be a block.
        network: None: whatever the node is on.
        poll_s: How often the node is asked for its tip.
    """

    name: Name
    rpc: Annotated[str, written(r"^https?://[^/@\s]+:\d+/?$", "http://host:port")]
    cookie_file: Path | None = None
    user: str | None = None
    password: Secret | None = None
    zmq_hashblock: (
        Annotated[str, written(r"^(tcp|ipc)://.+$", "tcp://host:port or ipc://path")]
        | None
    ) = None
    payout_address: str | None = None
    min_block_difficulty: NotNegative = 0.0
    network: Network | None = None
    poll_s: Positive = 1.0
