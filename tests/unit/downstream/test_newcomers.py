"""Those without an accepted share make room where it is short, and never the others."""

from typing import Any

from protocol.sv2.codec import mining
from proxy.downstream.crowds import CROWD
from tests.fakes.hall import AUTHORIZE, SUBSCRIBE
from tests.fakes.sv2_wire import Door

OPENED = mining.OpenExtendedMiningChannelSuccess
SIZE = 4 * CROWD
CROWDED, HONEST = "10.0.0.1", "10.0.0.2"


class Site(Door):
    """A site of 64 miners that has work."""

    def __init__(self) -> None:
        super().__init__(connections=SIZE)
        self.hall.sources[0].post()

    def older(self, address: str) -> Any:
        """Connect a miner of V1 that says who it is."""
        wire = self.connect("sv1", address)
        for message in (SUBSCRIBE, AUTHORIZE):
            wire.send(str(message).replace("'", '"').encode() + b"\n")
        return wire

    def prove(self, *addresses: str) -> None:
        """Let all that are there from `addresses` have had a share accepted."""
        for miner in self.roster.miners.values():
            if miner.address in addresses and not miner.accepted:
                miner.accepted = 1
                miner.context.proved(miner)

    def alive(self, wires: list[Any]) -> int:
        return sum(not wire.is_dropped for wire in wires)


def flood(site: Site, channels: int) -> tuple[Any, int]:
    """Return a connection on which as many channels were asked for, and had."""
    wire = site.connect(address=CROWDED).set_up()
    heard = [m for n in range(channels) for m in wire.extended(request_id=n)]
    return wire, sum(isinstance(message, OPENED) for message in heard)


def test_one_connection_cannot_fill_a_site() -> None:
    site = Site()

    wire, opened = flood(site, SIZE)
    honest = [site.older(CROWDED) for _ in range(SIZE // 2)]

    assert opened == SIZE // 2
    assert site.alive(honest) == SIZE // 2
    assert not wire.is_dropped


def test_channels_with_a_share_do_not_count_against_their_connection() -> None:
    site = Site()
    wire, _ = flood(site, SIZE // 2)
    site.prove(CROWDED)

    heard = [m for n in range(SIZE // 4) for m in wire.extended(request_id=n)]

    assert sum(isinstance(message, OPENED) for message in heard) == SIZE // 4


def test_who_comes_takes_the_place_of_one_of_a_crowd() -> None:
    site = Site()
    crowd = [site.older(CROWDED) for _ in range(SIZE)]

    honest = [site.older(HONEST) for _ in range(SIZE // 4)]

    assert site.alive(honest) == SIZE // 4
    assert site.alive(crowd) == SIZE - SIZE // 4
    assert [wire.is_dropped for wire in crowd[:2]] == [True, True]  # oldest first


def test_the_channels_of_a_crowd_are_closed_one_by_one() -> None:
    site = Site()
    wire, opened = flood(site, SIZE // 2)
    rest = [site.older(f"10.0.1.{n}") for n in range(SIZE - opened)]

    assert not site.older(HONEST).is_dropped
    assert site.alive(rest) == len(rest)
    assert any(isinstance(m, mining.CloseChannel) for m in wire.hear())


def test_a_crowd_that_comes_on_moves_nobody_of_a_smaller_one() -> None:
    site = Site()
    small = [site.older(HONEST) for _ in range(CROWD + 1)]
    crowd = [site.older(CROWDED) for _ in range(2 * SIZE)]

    assert site.alive(small) == CROWD + 1
    assert site.alive(crowd) == SIZE - CROWD - 1


def test_who_had_a_share_accepted_is_never_sent_away() -> None:
    site = Site()
    working = [site.older(CROWDED) for _ in range(SIZE)]
    site.prove(CROWDED)
    site.pass_time(70)

    late = site.older(HONEST)

    assert late.is_dropped
    assert site.alive(working) == SIZE


def test_who_had_its_time_goes_first_and_who_never_said_a_word_sooner() -> None:
    site = Site()
    named = [site.older(f"10.0.1.{n}") for n in range(SIZE - 1)]
    silent = site.connect("sv1", "10.0.2.1")

    assert site.older(HONEST).is_dropped
    site.pass_time(2)
    second = site.older(HONEST)
    assert (second.is_dropped, silent.is_dropped) == (False, True)
    assert site.older(HONEST).is_dropped
    site.pass_time(58)
    third = site.older(HONEST)

    assert (third.is_dropped, named[0].is_dropped) == (False, True)
    assert site.alive(named) == SIZE - 2


def test_a_parked_miner_cannot_have_had_a_share() -> None:
    site = Site()
    named = [site.older(f"10.0.1.{n}") for n in range(SIZE)]
    for miner in site.roster.miners.values():
        miner.park()
    site.pass_time(100)

    assert site.older(HONEST).is_dropped
    assert site.alive(named) == SIZE


def test_connections_that_have_no_channel_make_room_too() -> None:
    site = Site()
    idle = [site.connect("sv2", CROWDED) for _ in range(SIZE)]

    honest = site.connect("sv2", HONEST).set_up()

    assert isinstance(honest.extended()[0], OPENED)
    assert site.alive(idle) == SIZE - 1


def test_a_first_share_is_known_before_it_is_too_late() -> None:
    site = Site()
    working = site.older("10.0.1.1")
    for nonce in range(200):
        params = ["rig1", "1", "00000000", "6553f100", f"{nonce:08x}"]
        line = f'{{"id":{nonce},"method":"mining.submit","params":{params}}}\n'
        working.send(line.replace("'", '"').encode())
    others = [site.older(f"10.0.2.{n}") for n in range(SIZE - 1)]
    site.hall.clock.advance(60)

    newer = site.older(HONEST)

    assert not working.is_dropped
    assert not newer.is_dropped
    assert site.alive(others) == SIZE - 2
