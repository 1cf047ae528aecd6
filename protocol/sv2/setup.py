"""How the two sides of a connection introduce themselves."""

from attrs import frozen

from protocol.sv2 import codes
from protocol.sv2.common import VERSION, Protocol, SetupConnection, SetupFlag
from protocol.sv2.frame import MAX_TEXT_BYTES

_SERVED = int(SetupFlag.REQUIRES_STANDARD_JOBS | SetupFlag.REQUIRES_VERSION_ROLLING)


@frozen
class Caller:
    """Who we are towards a pool.

    Attributes:
        host: Where the pool was dialled; `port` likewise.
        vendor: The name of this program; `firmware` is its version.
        user: Whom the pool shall credit.
        requires_rolling: We are of no use to it without version rolling.
    """

    host: str
    port: int
    vendor: str
    firmware: str
    user: str
    requires_rolling: bool = False

    @property
    def user_fault(self) -> str:
        """Why the pool cannot be told of `user`; empty if it can.

        With {worker} in it, miners make it as long as they like.
        """
        size = len(self.user.encode())
        if size <= MAX_TEXT_BYTES:
            return ""
        return f"{size} B > {MAX_TEXT_BYTES} B, the most that Stratum V2 can say"

    @property
    def greeting(self) -> SetupConnection:
        """The first message of a connection."""
        rolling = SetupFlag.REQUIRES_VERSION_ROLLING if self.requires_rolling else 0
        return SetupConnection(
            protocol=Protocol.MINING,
            min_version=VERSION,
            max_version=VERSION,
            flags=rolling,
            endpoint_host=self.host,
            endpoint_port=self.port,
            vendor=self.vendor,
            hardware_version="",
            firmware=self.firmware,
            device_id="",
        )


def setup_fault(setup: SetupConnection) -> tuple[str, int]:
    """Return why a miner cannot be served, and which flags we lack; else empty."""
    unsupported = setup.flags & ~_SERVED
    if setup.protocol != Protocol.MINING:
        return codes.UNSUPPORTED_PROTOCOL, 0
    if not setup.min_version <= VERSION <= setup.max_version:
        return codes.VERSION_MISMATCH, 0
    return (codes.UNSUPPORTED_FLAGS, unsupported) if unsupported else ("", 0)
