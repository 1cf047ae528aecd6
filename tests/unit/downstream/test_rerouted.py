"""A miner whose worker comes to have another route: both engines."""

from protocol.units import Seconds
from proxy.jobs.routes import Route
from tests.fakes.hall import Hall


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
