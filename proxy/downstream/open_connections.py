"""Connections of a site that may have many miners, or none yet."""

from collections import Counter
from collections.abc import Container, Iterator

from attrs import define, field

from protocol.units import Seconds
from proxy.config import LimitsConfig
from proxy.downstream.miner_protocol import MinerProtocol
from proxy.downstream.newcomers import Newcomers


@define(eq=False, repr=False)
class OpenConnection:
    """One of them.

    Attributes:
        accepted: Whether a share of one of its miners was.
        is_known: It has had a miner.
    """

    connection: MinerProtocol
    address: str
    connected_at: Seconds
    accepted: int = field(default=0, init=False)
    is_granted: bool = field(default=True, init=False)
    is_known: bool = field(default=False, init=False)

    def settle(self) -> None:
        """Nothing to do: its miners are settled."""


@define(eq=False, repr=False)
class OpenConnections:
    """All of them, by connection."""

    _all: dict[MinerProtocol, OpenConnection] = field(factory=dict, init=False)
    _addresses: Counter[str] = field(factory=Counter, init=False)
    _newcomers: Newcomers[OpenConnection] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._newcomers = Newcomers(lambda one, why: one.connection.hang_up(why))

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[MinerProtocol]:
        return iter([*self._all])

    @property
    def addresses(self) -> set[str]:
        """Where they come from."""
        return set(self._addresses)

    def at(self, addresses: Container[str]) -> list[MinerProtocol]:
        """Return those that come from one of `addresses`."""
        return [c for c, one in self._all.items() if one.address in addresses]

    def add(self, connection: MinerProtocol, address: str, now: Seconds) -> None:
        """Count one in."""
        one = self._all[connection] = OpenConnection(connection, address, now)
        self._addresses[address] += 1
        self._newcomers.add(one)

    def remove(self, connection: MinerProtocol) -> None:
        """Count one out."""
        one = self._all.pop(connection)
        self._newcomers.remove(one)
        self._addresses[one.address] -= 1
        if not self._addresses[one.address]:
            del self._addresses[one.address]

    def has_miner(self, connection: object) -> MinerProtocol | None:
        """Note that a miner came on `connection`; return it if it is one of these."""
        if not isinstance(connection, MinerProtocol) or connection not in self._all:
            return None
        self._all[connection].is_known = True
        return connection

    def proved(self, connection: object) -> None:
        """Note that a share of one of its miners was accepted."""
        if isinstance(connection, MinerProtocol) and connection in self._all:
            one = self._all[connection]
            one.accepted = 1
            self._newcomers.remove(one)

    def refusal(self, address: str, limits: LimitsConfig, now: Seconds) -> str:
        """Return why one more from `address` is too many; empty if it is not."""
        limit = limits.connections_per_address
        if 0 < limit <= self._addresses[address]:
            return f"the address has {limit} connections"
        if len(self._all) < limits.connections:
            return ""
        has_room = self._newcomers.make_room(address, None, now)
        return "" if has_room else f"the site has {limits.connections} connections"
