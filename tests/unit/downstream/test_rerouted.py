"""A miner whose worker comes to have another route: both engines."""

from typing import Any

import pytest

from protocol.units import Seconds
from proxy.jobs.routes import Route
from tests.fakes.hall import SUBSCRIBE, Hall


def test_a_miner_goes_on_with_its_slot_and_another_pools_job() -> None:
    hall = Hall(sources=2)
    first, second = hall.sources[0], hall.sources[-1]
    first.post()
    wire = hall.connect().work()
    wire.accepted_nonce()
    extranonce1 = wire.miner.held_slot and wire.miner.held_slot.extranonce1
    routes = [Route("rig*", (second,)), Route("*", (first,))]

    hall.board.rerouting.change(routes)
    second.post(since=Seconds(1000.0))
    hall.pass_time(2)
    notify = [m for m in wire.hear() if m.get("method") == "mining.notify"]
    accepted = wire.accepted_nonce()

    assert notify[-1]["params"][8] is True
    assert accepted >= 0
    assert wire.miner.group is not None
    assert wire.miner.group.sourcing.source_name == "pool1"
    assert wire.miner.held_slot is not None
    assert wire.miner.held_slot.extranonce1 == extranonce1


@pytest.mark.parametrize("names", [("rig1", "acme.2"), ("acme.2", "rig1")])
def test_who_comes_to_have_workers_of_two_routes_is_hung_up_on(
    names: tuple[str, str],
) -> None:
    hall = Hall(sources=2)
    first, second = hall.sources[0], hall.sources[-1]
    first.post()
    wires = [hall.connect(), hall.connect()]
    for wire, workers in zip(wires, (names, ("acme.2", "acme.3")), strict=True):
        wire.say(SUBSCRIBE, *(authorize(worker) for worker in workers))
    dropped: list[tuple[int, str]] = []
    hall.context.drop = lambda miner, why: dropped.append((miner.id, why))

    hall.board.rerouting.change([Route("acme*", (second,)), Route("*", (first,))])

    why = f"Worker mines elsewhere than {names[0]}: it needs its own connection"
    assert dropped == [(wires[0].miner.id, why)]


def authorize(worker: str) -> dict[str, Any]:
    return {"id": 3, "method": "mining.authorize", "params": [worker, "x"]}
