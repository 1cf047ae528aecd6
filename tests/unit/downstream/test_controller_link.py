"""The share process towards its controller: told, obeyed, and done without."""

from typing import Any

import msgspec
import pytest
from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from proxy.config import Config, FleetConfig, PowerConfig, Secret, SiteConfig
from proxy.power.link.messages import (
    Ask,
    AskAnswer,
    EventNotice,
    FailSafe,
    Figures,
    FleetReport,
    GrantMiners,
    HeldMachines,
    ParkMiners,
    Setup,
    SiteFigures,
    decode_down,
)
from proxy.power.link.setup import config_of, setup_of
from proxy.power.machines.describer import Describer
from proxy.supervisor.child_link import (
    FIRST_WORD_WITHIN,
    HUNG_AFTER,
    ControllerLink,
)
from proxy.supervisor.failsafe import PoweredSite
from proxy.supervisor.questions import MAX_ASKED, AskRefusedError
from proxy.supervisor.unheard import LEASE
from tests.conftest import FlushFailures
from tests.fakes.broken import BrokenError, break_down
from tests.unit.downstream.test_parking import Site

SECRET = "hunter2"  # noqa: S105  (of nothing)
POWER = PowerConfig(budget_w=100_000, fail_safe_w=8_000)
FLEET = (FleetConfig(workers="*", model="Antminer S21"),)


class Desk:
    """A site, its link, and the controller's end as bytes."""

    def __init__(self, miners: int = 0) -> None:
        self.site = Site()
        self.wires = [self.site.granted() for _ in range(miners)]
        self.killed: list[str] = []
        self.news: list[tuple[str, Any]] = []
        self.held = ["rack-b.*"]
        powered = PoweredSite(self.site.real, POWER, Describer.of(POWER, FLEET))
        self.link = ControllerLink(
            Setup(Raw(b"{}")),
            {"hall-a": powered},
            lambda topic, value: self.news.append((topic, value)),
            self.killed.append,
            self.site.hall.clock,
            lambda: self.held,
        )
        self.connect()

    def connect(self) -> None:
        self.transport = StringTransport()
        self.wire = self.link.factory.buildProtocol(None)
        self.wire.makeConnection(self.transport)

    def said(self) -> list[Any]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [decode_down(line) for line in lines]

    def hear(self, message: msgspec.Struct) -> None:
        self.wire.dataReceived(msgspec.json.encode(message) + b"\n")

    def live(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.site.hall.clock.advance(1)
            self.link.tick()

    def ask(self) -> list[Any]:
        """Ask, and return what will hold the answer or the error."""
        got: list[Any] = []
        asked = Deferred.fromCoroutine(self.link.ask("power.show", {"site": "hall-a"}))
        _ = asked.addErrback(lambda failure: failure.value).addCallback(got.append)
        return got


def some_figures(budget_w: float = 50_000.0, top_ratio: float = 1.0) -> Figures:
    one = SiteFigures(
        "hall-a",
        budget_w,
        6.0,
        7.0,
        "meter",
        "normal",
        "contract",
        top_ratio=top_ratio,
    )
    return Figures([one])


def test_a_site_without_power_settings_any_more_is_not_reported() -> None:
    desk = Desk(miners=1)
    reports = desk.link._reports(is_whole=True, sites=["gone", "hall-a"])

    assert {report.site for report in reports} == {"hall-a"}


def test_a_controller_is_told_what_is_configured_then_who_is_there() -> None:
    desk = Desk(miners=2)

    setup, _, whole, rows = desk.said()

    assert isinstance(setup, Setup)
    assert isinstance(whole, FleetReport)
    assert whole.is_whole
    assert [j.id for j in rows.joined] == [1, 2]


def test_what_it_says_is_done_and_reported_back() -> None:
    desk = Desk(miners=2)
    desk.said()

    desk.hear(ParkMiners("hall-a", [1, 99]))
    assert not desk.wires[0].miner.is_granted
    assert desk.wires[1].miner.is_granted
    desk.live(1)
    reports = [m for m in desk.said() if isinstance(m, FleetReport)]
    assert reports[0].parked == [(1, True)]
    desk.hear(GrantMiners("hall-a", [1]))

    assert desk.wires[0].miner.is_granted


def test_a_miner_that_joins_is_told_of_at_once() -> None:
    desk = Desk()
    desk.said()
    desk.site.granted()

    desk.site.hall.clock.advance(0.1)

    reports = [m for m in desk.said() if isinstance(m, FleetReport)]
    assert [len(r.joined) for r in reports] == [1]


def test_an_answer_finds_who_asked() -> None:
    desk = Desk()
    first, second = desk.ask(), desk.ask()
    asks = [m for m in desk.said() if isinstance(m, Ask)]

    desk.hear(AskAnswer(asks[1].id, Raw(b'{"n":2}')))
    desk.hear(AskAnswer(asks[0].id, Raw(b"null"), "not now"))
    desk.hear(AskAnswer(999, Raw(b"null")))

    assert bytes(second[0]) == b'{"n":2}'
    assert str(first[0]) == "not now"


@pytest.mark.parametrize("end", ["late", "lost"])
def test_a_question_without_an_answer_ends(end: str) -> None:
    desk = Desk()
    asked = desk.ask()

    if end == "late":
        desk.site.hall.clock.advance(11)
    else:
        desk.wire.connectionLost()

    assert isinstance(asked[0], AskRefusedError)


def test_nobody_is_asked_without_a_controller_or_by_too_many() -> None:
    desk = Desk()
    for _ in range(MAX_ASKED):
        desk.ask()
    too_many = desk.ask()
    desk.wire.connectionLost()
    nobody = desk.ask()

    assert isinstance(too_many[0], AskRefusedError)
    assert isinstance(nobody[0], AskRefusedError)


def test_news_and_figures_are_passed_on() -> None:
    desk = Desk()

    desk.hear(EventNotice("power", Raw(b'{"kind":"budget"}')))
    desk.hear(some_figures())

    assert desk.news == [("power", {"kind": "budget"})]
    assert desk.link.figures["hall-a"].state == "normal"


def test_a_controller_that_hangs_is_killed() -> None:
    desk = Desk()
    desk.hear(some_figures())

    desk.live(HUNG_AFTER)

    assert desk.killed[0].startswith("silent for 10 s")


def test_a_slow_start_is_no_hang() -> None:
    desk = Desk()

    desk.live(FIRST_WORD_WITHIN - 1)
    assert desk.killed == []
    desk.live(1)

    assert desk.killed[0].startswith("silent for 60 s")


def test_after_a_pause_of_ours_what_waits_is_read_before_silence_is_judged() -> None:
    desk = Desk(miners=6)
    desk.hear(some_figures())

    desk.site.hall.clock.advance(LEASE + 60)  # stopped, as a VM is
    desk.link.tick()
    desk.hear(some_figures())  # it had been in the socket
    desk.live(5)

    assert desk.killed == []
    assert all(w.miner.is_granted for w in desk.wires)


def test_a_process_that_is_always_late_still_judges() -> None:
    desk = Desk(miners=6)
    desk.hear(some_figures())

    for _ in range(10):
        desk.site.hall.clock.advance(4)
        desk.link.tick()

    assert desk.killed
    assert len([w for w in desk.wires if w.miner.is_granted]) == 1


def test_beyond_the_lease_the_fail_safe_is_applied_by_parking() -> None:
    desk = Desk(miners=6)
    desk.hear(some_figures())
    desk.wire.connectionLost()

    desk.live(LEASE - 1)
    assert all(w.miner.is_granted for w in desk.wires)
    desk.live(2)

    granted = [w for w in desk.wires if w.miner.is_granted]
    assert len(granted) == 1, "8 kW less what is beside, at the worst bias: one S21"
    assert desk.link.figures == {}


@pytest.mark.parametrize("life", [1, HUNG_AFTER])
def test_controllers_that_never_say_a_word_do_not_delay_the_fail_safe(
    life: float,
) -> None:
    desk = Desk(miners=6)
    desk.hear(some_figures())

    for _ in range(int(LEASE / life)):
        desk.wire.connectionLost()
        desk.connect()
        desk.live(life)

    assert len([w for w in desk.wires if w.miner.is_granted]) == 1


def test_what_a_controller_grants_before_it_dies_again_is_parked_again() -> None:
    desk = Desk(miners=6)
    desk.wire.connectionLost()
    desk.live(LEASE)
    desk.connect()
    desk.hear(GrantMiners("hall-a", [1, 2, 3, 4, 5, 6]))
    desk.wire.connectionLost()

    desk.live(LEASE)

    assert len([w for w in desk.wires if w.miner.is_granted]) == 1


def test_the_next_controller_is_told_what_the_fail_safe_did_until_it_works() -> None:
    desk = Desk(miners=2)
    desk.wire.connectionLost()
    desk.live(LEASE + 5)

    told = []
    for _ in range(2):
        desk.connect()
        told += [m for m in desk.said() if isinstance(m, FailSafe)]
    desk.hear(some_figures())
    desk.connect()

    first, again = told
    assert first == again == FailSafe("hall-a", 5.0, POWER.fail_safe_w, first.parked)
    assert len(first.parked) == 1
    assert not [m for m in desk.said() if isinstance(m, FailSafe)]


@pytest.mark.parametrize(("budget_w", "left"), [(9_000.0, 1), (4_000.0, 0)])
def test_the_fail_safe_never_raises_a_budget(budget_w: float, left: int) -> None:
    desk = Desk(miners=2)
    desk.hear(some_figures(budget_w))
    desk.wire.connectionLost()

    desk.live(LEASE)

    assert len([w for w in desk.wires if w.miner.is_granted]) == left
    assert desk.link.fail_safe_w("hall-a") == min(budget_w, POWER.fail_safe_w)


@pytest.mark.parametrize(("top_ratio", "left"), [(1.0, 1), (1.6, 0)])
def test_the_fail_safe_counts_with_what_owners_set_above_the_nameplate(
    top_ratio: float, left: int
) -> None:
    desk = Desk(miners=2)
    desk.hear(some_figures(top_ratio=top_ratio))
    desk.wire.connectionLost()

    desk.live(LEASE)

    assert len([w for w in desk.wires if w.miner.is_granted]) == left


def test_the_fail_safe_holds_for_those_that_wait_for_a_source() -> None:
    desk = Desk(miners=6)
    for wire in desk.wires:
        wire.miner.hold_out(is_out=True)
    desk.wire.connectionLost()
    desk.live(LEASE)

    for wire in desk.wires:
        wire.miner.hold_out(is_out=False)

    assert len([w for w in desk.wires if w.miner.is_granted]) == 1


def test_nobody_is_granted_work_while_there_is_no_controller() -> None:
    desk = Desk()
    desk.wire.connectionLost()
    wire = desk.site.parked()

    desk.live(100)

    assert not wire.miner.is_granted


def test_a_new_controller_is_told_everything_again() -> None:
    desk = Desk(miners=1)
    desk.wire.connectionLost()
    desk.connect()

    whole = [m for m in desk.said() if isinstance(m, FleetReport)]

    assert whole[0].is_whole
    assert whole[1].joined[0].id == 1


def test_a_bad_line_costs_the_link_alone(flush_failures: FlushFailures) -> None:
    desk = Desk(miners=1)

    desk.wire.dataReceived(b"nonsense\n")

    assert desk.transport.disconnected
    assert desk.wires[0].miner.is_granted


def test_a_fault_of_ours_costs_neither_the_link_nor_the_others(
    flush_failures: FlushFailures,
) -> None:
    desk = Desk(miners=3)
    desk.site.parking.park([1, 2, 3])
    dropped = desk.site.note_drops()
    break_down(desk.wires[1].miner)

    desk.hear(GrantMiners("hall-a", [1, 2, 3]))

    assert not desk.transport.disconnecting
    assert [wire.miner.is_granted for wire in desk.wires[::2]] == [True, True]
    assert dropped == {2: "a fault of ours: parking or granting work failed"}
    assert flush_failures(BrokenError) == 1


def test_news_that_nobody_can_take_costs_no_link(flush_failures: FlushFailures) -> None:
    desk = Desk()

    def refuse(_topic: str, _value: object) -> None:
        raise BrokenError

    desk.link.publish = refuse
    desk.hear(EventNotice("power", Raw(b"1")))
    desk.hear(some_figures())

    assert "hall-a" in desk.link.figures
    assert flush_failures(BrokenError) == 1


def test_the_setup_holds_what_the_controller_needs_and_its_secrets() -> None:

    power = PowerConfig(budget_w=1, fail_safe_w=0, relay_token=Secret(SECRET))
    site = SiteConfig(name="a", listen=("tcp:1",), sources=["p"], power=power)
    bare = SiteConfig(name="b", listen=("tcp:2",), sources=["p"])

    config = config_of(setup_of(Config(sites=[site, bare])))

    assert [s.name for s in config.sites] == ["a"]
    assert config.sites[0].power is not None
    assert str(config.sites[0].power.relay_token) == SECRET


def test_reports_wait_for_a_controller_that_has_not_read_the_last_ones() -> None:
    desk = Desk(miners=1)
    desk.said()
    desk.wire.pauseProducing()

    desk.wires.append(desk.site.granted())
    desk.live(20)
    assert not [m for m in desk.said() if isinstance(m, FleetReport)]

    desk.wire.resumeProducing()
    reports = [m for m in desk.said() if isinstance(m, FleetReport)]

    assert [j.id for report in reports for j in report.joined] == [2]


def test_a_controller_knows_what_is_held_by_hand_before_it_hears_of_a_miner() -> None:
    desk = Desk(miners=1)
    first = desk.said()[0]
    desk.held.append("rig1")
    desk.link.hold_off()

    assert first.held == ["rack-b.*"]
    assert desk.said()[-1] == HeldMachines(["rack-b.*", "rig1"])


def test_a_controller_that_goes_away_amid_a_report_leaves_no_failure_in_the_log() -> (
    None
):
    desk = Desk(miners=1)
    reports: Any = desk.link._reports(is_whole=True)
    next(reports)
    reports.close()  # as when what is left of it is let go
