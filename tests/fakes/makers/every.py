"""All makers, by name, and a hall of them at addresses of its own."""

from collections.abc import Callable

from attrs import frozen

from tests.fakes.makers.antminer import OLD, STOCK, OldAntminer, StockAntminer
from tests.fakes.makers.auradine import AURADINE, AuradineMiner
from tests.fakes.makers.avalon import AVALON, AvalonMiner
from tests.fakes.makers.behaviour import Behaviour, FakeMachine, Switches
from tests.fakes.makers.bitaxe import BITAXE, Bitaxe
from tests.fakes.makers.braiins import BRAIINS, BraiinsMiner
from tests.fakes.makers.epic import EPIC, EpicMiner
from tests.fakes.makers.luxos import LUXOS, LuxosMiner
from tests.fakes.makers.vnish import VNISH, VNishMiner
from tests.fakes.makers.whatsminer import V2, V3, WhatsminerV2, WhatsminerV3
from tests.fakes.makers.wire import MakersFake


@frozen
class Maker:
    """One firmware: what it does, and its fake."""

    behaviour: Behaviour
    fake: Callable[[FakeMachine, str], MakersFake]


MAKERS = (
    Maker(LUXOS, LuxosMiner),
    Maker(STOCK, StockAntminer),
    Maker(OLD, OldAntminer),
    Maker(V2, WhatsminerV2),
    Maker(V3, WhatsminerV3),
    Maker(BRAIINS, BraiinsMiner),
    Maker(VNISH, VNishMiner),
    Maker(EPIC, EpicMiner),
    Maker(AURADINE, AuradineMiner),
    Maker(AVALON, AvalonMiner),
    Maker(BITAXE, Bitaxe),
)


def maker_of(name: str) -> Maker:
    """Return the maker whose firmware is called `name`."""
    return next(maker for maker in MAKERS if maker.behaviour.name == name)


def prompt(maker: Maker) -> Maker:
    """Return a maker whose machines do at once what they do, for tests of the wire."""
    from attrs import evolve  # noqa: PLC0415

    at_once = evolve(maker.behaviour, answer_s=0.0, act_s=0.0, wake_s=0.0)
    return evolve(maker, behaviour=at_once)


async def started(
    maker: Maker,
    address: str,
    clock: Callable[[], float],
    switches: Switches | None = None,
    pools: tuple[str, ...] = ("stratum+tcp://127.0.0.1:3333",),
) -> MakersFake:
    """Return one machine of `maker` that listens at `address`."""
    machine = FakeMachine(maker.behaviour, clock, switches or Switches(), pools=pools)
    fake = maker.fake(machine, address)
    await fake.start()
    return fake
