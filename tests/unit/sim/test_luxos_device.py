import json
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from typing_extensions import override

from proxy.sim.device import DeviceConnection, SimulatedDevice
from proxy.sim.kinds import Fault, Spread, kind_of
from proxy.sim.luxos import MAX_REQUEST_BYTES
from proxy.sim.luxos_view import PoolState
from proxy.sim.plant import Plant, PlantOptions

EXACT = Spread(unit_error=0.0, fleet_bias=1.0, heat_w_share=0.0)
POOL = PoolState("stratum+tcp://10.0.0.1:3333", "rack-a.0001", is_active=True)


class Bench:
    """One S19j Pro, and what it answers."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.clock = Clock()
        kind = kind_of("Antminer S19j Pro", down=5.0, up=40.0)
        options = PlantOptions(kinds=(kind,), spread=EXACT)
        self.plant = Plant(options, self.clock.seconds())  # type: ignore[arg-type]
        self.plant.faults[0] = fault
        self.device = SimulatedDevice(
            self.plant,
            0,
            self.clock.seconds,
            lambda: (POOL,),
            lambda: 1e9 + self.clock.seconds(),
        )

    def ask(self, command: str, parameter: str | None = None) -> dict[str, Any]:
        request = {"command": command}
        if parameter is not None:
            request["parameter"] = parameter
        reply = self.device.reply(json.dumps(request).encode())
        assert reply is not None
        assert reply.endswith(b"\0")
        found: dict[str, Any] = json.loads(reply[:-1])
        return found

    def when(self) -> int:
        return int(self.ask("version")["STATUS"][0]["When"])

    def log_on(self) -> str:
        token: str = self.ask("logon")["SESSION"][0]["SessionID"]
        return token

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.plant.asics.give_jobs([0], self.clock.seconds())  # type: ignore[arg-type]
        self.plant.advance(self.clock.seconds())  # type: ignore[arg-type]

    def watts(self) -> int:
        found: int = self.ask("power")["POWER"][0]["Watts"]
        return found


def status(reply: dict[str, Any]) -> str:
    found: str = reply["STATUS"][0]["STATUS"]
    return found


def test_it_says_what_it_is() -> None:
    reply = Bench().ask("version")

    assert reply["VERSION"][0]["Type"] == "Antminer S19j Pro"
    assert "LUXminer" in reply["STATUS"][0]["Description"]


def test_several_questions_are_answered_at_once() -> None:
    reply = Bench().ask("power+pools+stats")

    assert reply["power"][0]["POWER"][0]["Watts"] == 3068
    assert reply["pools"][0]["POOLS"][0]["URL"] == POOL.url
    rates = [float(reply["stats"][0]["STATS"][1][f"chain_rate{n}"]) for n in (1, 2, 3)]
    assert sum(rates) == pytest.approx(104_000, abs=0.1)


def test_a_command_needs_the_token_of_the_one_session() -> None:
    bench = Bench()

    assert status(bench.ask("curtail", "nobody,sleep")) == "E"
    token = bench.log_on()
    assert status(bench.ask("logon")) == "E"
    assert bench.ask("session")["SESSION"][0]["SessionID"] == token
    assert status(bench.ask("curtail", f"{token},sleep")) == "S"
    bench.wait(10)
    assert bench.watts() == 25


def test_it_wakes_and_takes_profiles_that_it_has() -> None:
    bench = Bench()
    token = bench.log_on()
    names = [p["Profile Name"] for p in bench.ask("profiles")["PROFILES"]]

    reply = bench.ask("profileset", f"{token},{names[0]}")
    refused = bench.ask("profileset", f"{token},1MHz")
    bench.wait(20)

    assert reply["PROFILE"][0]["Profile"] == names[0]
    assert status(refused) == "E"
    assert bench.watts() == 2023
    assert bench.ask("config")["CONFIG"][0]["Profile"] == names[0]


def test_a_liar_says_that_it_obeyed_and_shows_that_it_did_not() -> None:
    bench = Bench(Fault.LIES)

    reply = bench.ask("curtail", f"{bench.log_on()},sleep")
    bench.wait(10)

    assert status(reply) == "S"
    assert bench.watts() == 3068


def test_one_that_feigns_shows_what_it_was_told() -> None:
    bench = Bench(Fault.FEIGNS)

    bench.ask("curtail", f"{bench.log_on()},sleep")
    bench.wait(10)

    assert bench.watts() == 25
    assert bench.plant.asics.watts(bench.plant.now)[0] == 3068.0


def test_one_that_ignores_answers_questions_alone() -> None:
    bench = Bench(Fault.IGNORES)
    token = bench.log_on()
    request = {"command": "curtail", "parameter": f"{token},sleep"}

    assert bench.device.reply(json.dumps(request).encode()) == b""
    assert bench.watts() == 3068


def test_a_reboot_ends_the_session() -> None:
    bench = Bench()
    token = bench.log_on()
    bench.ask("rebootdevice", token)

    assert bench.device.is_off
    bench.wait(61)
    assert not bench.device.is_off
    assert status(bench.ask("curtail", f"{token},sleep")) == "E"


class Wire(StringTransport):
    aborted = False

    @override
    def abortConnection(self) -> None:
        self.aborted = True
        super().abortConnection()


def connected(bench: Bench) -> tuple[DeviceConnection, Wire]:
    connection, wire = DeviceConnection(bench.device, bench.clock), Wire()
    connection.makeConnection(wire)
    return connection, wire


def test_a_request_in_pieces_is_answered_once_and_the_connection_closed() -> None:
    connection, wire = connected(Bench())
    for byte in b'{"command":"power"}':
        connection.dataReceived(bytes([byte]))

    assert json.loads(wire.value()[:-1])["POWER"]
    assert wire.disconnecting


def test_one_that_hangs_keeps_its_caller_waiting() -> None:
    bench = Bench(Fault.HANGS)
    connection, wire = connected(bench)
    connection.dataReceived(b'{"command":"power"}')
    bench.clock.advance(600)

    assert wire.value() == b""
    assert not wire.disconnecting


def test_a_dead_one_takes_nobody_in() -> None:
    _, wire = connected(Bench(Fault.DEAD))

    assert wire.aborted


@pytest.mark.parametrize("data", [b"{" * (MAX_REQUEST_BYTES + 1), b'{"command":1}'])
def test_rubbish_costs_the_connection_or_waits_for_its_deadline(data: bytes) -> None:
    bench = Bench()
    connection, wire = connected(bench)
    connection.dataReceived(data)
    bench.clock.advance(10)

    assert wire.aborted
    assert wire.value() == b""


def test_each_answer_says_what_time_it_is() -> None:
    bench = Bench()
    before = bench.when()
    bench.wait(90.0)

    assert (before, bench.when()) == (1_000_000_000, 1_000_000_090)
