"""The keys that miners of Stratum V2 are shown, made from a file when one comes."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes

from attrs import frozen

from protocol.units import UnixTime
from proxy.downstream.sv2_keys import (
    KEY_FILE,
    ServerKeys,
    authority_of,
    check_authority,
)


@frozen
class MinerKeys:
    """The authority's file in `state_dir`, and the certificates that it signs."""

    state_dir: Path
    wall_clock: Callable[[], UnixTime]

    def of_now(self) -> ServerKeys:
        """Return keys with a certificate of now.

        Raises:
            KeyFileError: The file cannot be used.
        """
        authority = authority_of(self.state_dir / KEY_FILE, token_bytes)
        return ServerKeys(authority, self.wall_clock, token_bytes)

    def check(self) -> None:
        """Look whether the file can be used; nothing is made.

        Raises:
            KeyFileError: It cannot.
        """
        check_authority(self.state_dir / KEY_FILE)
