"""What a map shows beside states: made for those who ask, and bounded."""

import json
from base64 import b64decode
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from protocol.units import Seconds
from proxy.admin.rpc import REFUSED, RpcError
from proxy.web.map_modes import MapModes, age_byte
from tests.fakes.web import Web

STREAM = "/api/v1/stream?fields="


def test_the_age_of_a_share_is_a_byte() -> None:
    assert [age_byte(Seconds(age)) for age in (-1.0, 0.0, 1.0, 15.0)] == [0, 0, 16, 64]
    assert age_byte(Seconds(1e9)) == 254


def test_a_mode_comes_to_who_asks_for_it_and_to_nobody_else() -> None:
    web = Web()
    miner = web.seat()
    plain, aged = web.open(f"{STREAM}map,news"), web.open(f"{STREAM}map,age")
    web.beat()
    assert b64decode(aged.data("age:hall-a")[-1]["cells"]) == b"\xff"

    miner.share_at = Seconds(web.hall.clock.seconds())
    web.hall.clock.advance(14)
    web.beat()

    frame = aged.data("age:hall-a")[-1]
    assert b64decode(frame["cells"]) == bytes([64])
    assert frame["gen"] == aged.data("map:hall-a")[-1]["gen"]
    assert set(plain.names()) == {"map:hall-a"}


def test_a_mode_that_there_is_not_is_refused() -> None:
    reply = Web().ask(f"{STREAM}map,humidity")
    assert (reply.status, "efficiency" in reply.json["detail"]) == (400, True)


class Controller:
    """A controller of so many connections, each with its number as its value."""

    def __init__(self, miners: int) -> None:
        self.miners = miners
        self.asked: list[int] = []

    async def cells(self, site: str, what: str, page: int) -> msgspec.Raw:
        assert (site, what) == ("hall-a", "temperature")
        if self.miners < 0:
            raise RpcError(REFUSED, "no site has power settings")
        self.asked.append(page)
        some = [*range(page * 1000, min(self.miners, page * 1000 + 1000))]
        values = bytes(number % 100 for number in some)
        more = self.miners > page * 1000 + 1000
        return msgspec.Raw(
            msgspec.json.encode({"miners": some, "values": values, "more": more})
        )


def frame_of(modes: MapModes, web: Web) -> Any:
    async def turn() -> None:
        return None

    async def made() -> bytes:
        site_map = web.side.pulse.maps["hall-a"]
        return await modes.frame(site_map, "temperature", Seconds(1.0), turn)

    found: list[bytes] = []
    _ = Deferred.fromCoroutine(made()).addCallback(found.append)
    return json.loads(found[0])


def test_of_many_machines_some_are_read_each_second() -> None:
    web, controller = Web(), Controller(9500)
    modes: Any = MapModes(controller)  # type: ignore[arg-type]  # as it asks
    for _ in range(4):
        frame_of(modes, web)
    assert controller.asked == [*range(10), *range(4)]
    (reading,) = modes._readings.values()
    assert len(reading.values) == 9500
    modes.forget(frozenset({"efficiency"}))
    assert not modes._readings


def test_where_no_controller_is_nothing_is_known() -> None:
    web = Web()
    web.seat()
    web.open(f"{STREAM}map,temperature")
    web.beat()
    frame = frame_of(MapModes(Controller(-1)), web)  # type: ignore[arg-type]
    assert b64decode(frame["cells"]) == b"\xff"


@pytest.mark.parametrize("mode", ["temperature", "efficiency"])
def test_a_site_without_a_budget_has_no_word_of_its_devices(mode: str) -> None:
    web = Web()
    web.seat()
    stream = web.open(f"{STREAM}map,{mode}")
    web.beat()
    assert b64decode(stream.data(f"{mode}:hall-a")[-1]["cells"]) == b"\xff"
