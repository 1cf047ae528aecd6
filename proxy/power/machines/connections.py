"""Which machine a connection belongs to: machines by key, and by connection.

Who a machine is, whatever its address, is `known`'s.
"""

from heapq import heappop, heappush

from attrs import define, field

from proxy.power.link.messages import Joined
from proxy.power.machines.describer import Describer
from proxy.power.machines.machine import LONG_AGO, Machine

MAX_CONNECTIONS = 3
"""Of one device: an old one, a new one and a second pool slot."""


@define(eq=False, repr=False)
class Numbers:
    """The numbers of machines of one worker behind one address, from 2 on.

    Attributes:
        free: A heap of those whose connection went; some are in use again.
        unused: From here on none was given.
        known: How many machines there are with such a number.
    """

    free: list[int] = field(factory=list)
    unused: int = 2
    known: int = 0


@define(eq=False, repr=False)
class MachineConnections:
    """Machines by what they are known by, and the connections of each."""

    _describer: Describer
    _by_key: dict[str, Machine] = field(factory=dict, init=False)
    _by_miner: dict[int, Machine] = field(factory=dict, init=False)
    _numbers: dict[str, Numbers] = field(factory=dict, init=False)

    def find(self, key: str) -> Machine | None:
        """Return the machine known by `key`, None if there is none."""
        return self._by_key.get(key)

    def of_miner(self, miner: int) -> Machine | None:
        """Return the machine behind a connection."""
        return self._by_miner.get(miner)

    def miners(self) -> list[int]:
        """Return all connections."""
        return list(self._by_miner)

    def add(self, machine: Machine) -> None:
        """Know a machine by its key."""
        self._by_key[machine.key] = machine
        if _number_of(machine):
            self._numbers.setdefault(_base_of(machine), Numbers()).known += 1

    def drop(self, machine: Machine) -> None:
        """Forget a machine that has no connection."""
        del self._by_key[machine.key]
        numbers = self._numbers.get(_base_of(machine))
        if numbers is None or not _number_of(machine):
            return
        numbers.known -= 1
        if not numbers.known:
            del self._numbers[_base_of(machine)]

    def connect(self, miner: int, machine: Machine) -> None:
        """Know a machine by a connection of it."""
        self._by_miner[miner] = machine

    def disconnect(self, miner: int) -> Machine | None:
        """Forget a connection; return whose it was."""
        machine = self._by_miner.pop(miner, None)
        if machine is None:
            return None
        del machine.miners[miner]
        numbers = self._numbers.get(_base_of(machine))
        number = _number_of(machine)
        if not machine.miners and number and numbers is not None:
            heappush(numbers.free, number)
        return machine

    def unite(self, speaker: Machine) -> list[Machine]:
        """Give a machine whose API has answered what connected there before that.

        These are connections of its worker from its address, a few: where there are
        more than one device has, a hall of one worker name may sit.

        Returns the machines that they were taken for, which have none any more.
        """
        base = _base_of(speaker)
        numbers = [f"{base} {n}" for n in range(2, MAX_CONNECTIONS + 1)]
        known = (self._by_key.get(key) for key in (base, *numbers))
        others = [m for m in known if m is not None and m.miners]
        count = len(speaker.miners) + sum(len(other.miners) for other in others)
        is_hall = self._numbers.get(base, Numbers()).known >= MAX_CONNECTIONS
        if is_hall or count > MAX_CONNECTIONS:
            return []
        for other in others:
            for miner, is_parked in [*other.miners.items()]:
                self.disconnect(miner)
                self.connect(miner, speaker)
                speaker.miners[miner] = is_parked
        return others

    def key_for(self, joined: Joined) -> str:
        """Return the key of the machine that a connection belongs to.

        A device API that has answered speaks for one machine: a few connections of one
        worker from its address are that machine, which has come back before its old
        connection was missed, or has two pool slots open. Other workers there are
        machines of their own, and where no API has answered so is each connection: a
        hall of one worker name may sit behind one address.
        """
        if self._describer.kind_of(joined.worker, joined.address).has_api:
            speaker = self._by_key.get(joined.address)
            if speaker is None or not speaker.miners or _is_one_more(speaker, joined):
                return joined.address
        base = f"{joined.address} {joined.worker}"
        return self._numbered(base) if self._is_used(base) else base

    def _numbered(self, base: str) -> str:
        """Return the first key after `base` that no connected machine has."""
        numbers = self._numbers.get(base, Numbers())
        while numbers.free:
            key = f"{base} {heappop(numbers.free)}"
            if not self._is_used(key):
                return key
        while self._is_used(key := f"{base} {numbers.unused}"):
            numbers.unused += 1
        numbers.unused += 1
        return key

    def _is_used(self, key: str) -> bool:
        machine = self._by_key.get(key)
        return machine is not None and bool(machine.miners)


def _base_of(machine: Machine) -> str:
    return f"{machine.address} {machine.worker}"


def _number_of(machine: Machine) -> int:
    """Return the number in a machine's key, 0 if there is none."""
    base = _base_of(machine)
    rest = machine.key.removeprefix(f"{base} ")
    return int(rest) if rest != machine.key and rest.isdecimal() else 0


def _is_one_more(speaker: Machine, joined: Joined) -> bool:
    """Tell whether a connection is one more of the machine whose API has answered."""
    has_answered = speaker.heard_at != LONG_AGO or speaker.found_w is not None
    has_room = len(speaker.miners) < MAX_CONNECTIONS
    return has_answered and has_room and speaker.worker == joined.worker
