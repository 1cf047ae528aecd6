import json
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver
from typing_extensions import override

from protocol.units import Seconds
from proxy.sim.command import FleetOptions, run_fleet
from tests.support import on_reactor

NOTIFY = ["a", "00" * 32, "01", "02", [], "20000000", "207fffff", "65000000", True]
RESULTS: dict[str, Any] = {
    "mining.configure": {"version-rolling": True, "version-rolling.mask": "1fffe000"},
    "mining.subscribe": [[["mining.notify", "1"]], "2a", 4],
}


class ScriptedPool(LineOnlyReceiver):
    delimiter = b"\n"

    @override
    def lineReceived(self, line: bytes) -> None:
        request = json.loads(line)
        method = request["method"]
        self.say(id=request["id"], result=RESULTS.get(method, True), error=None)
        if method == "mining.authorize":
            self.say(id=None, method="mining.set_difficulty", params=[2.0**-26])
            self.say(id=None, method="mining.notify", params=NOTIFY)

    def say(self, **message: Any) -> None:
        self.sendLine(json.dumps(message).encode())


@pytest.mark.integration
@on_reactor
async def test_a_fleet_of_both_dialects_mines_on_a_real_socket() -> None:
    from twisted.internet import reactor  # noqa: PLC0415

    factory: Any = Factory.forProtocol(ScriptedPool)
    port: Any = reactor.listenTCP(0, factory, interface="127.0.0.1")
    lines: list[str] = []
    options = FleetOptions(
        urls=(f"stratum+tcp://127.0.0.1:{port.getHost().port}",),
        miners=4,
        models=("Antminer S21", "Bitaxe Gamma"),
        duration=Seconds(1.5),
        json=True,
    )

    stats = await run_fleet(reactor, options, lines.append)
    await maybeDeferred(port.stopListening)

    assert stats.accepted > 10
    assert (stats.rejected, stats.breaches, stats.connects) == (0, [], 4)
    assert json.loads(lines[-1])["working"] == 4
