"""What operators do is told: who, what, before and after."""

import json
import os
import socket
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs, formatEvent

from protocol.units import Seconds, UnixTime
from proxy.admin.action_record import ActionRecord
from proxy.admin.actions import (
    FAILED,
    MAX_TOLD_CHARS,
    MAX_UNDER_WAY,
    STOPPED,
    ActionNews,
    Actions,
)
from proxy.admin.caller import NOBODY_KNOWN, Caller, caller_of
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.rpc import Method
from proxy.admin.server import AdminFactory
from proxy.admin.states import States
from proxy.admin.views import ChangeView, Done, ReloadView
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from proxy.runtime.tasks import Tasks
from proxy.supervisor.questions import AskRefusedError
from tests.conftest import FlushFailures
from tests.fakes.hall import Hall

CALLER = Caller(1000, 4711)
ORDER = {"site": "hall-a", "watts": 0.0}


def a_news(method: str) -> ActionNews:
    return ActionNews(1.7e9, 1000, 4711, method, {"site": "hall-a"}, None, None)


class BrokenError(Exception):
    """A fault of ours."""


class Site:
    """A share process of one site, and what is told of it."""

    def __init__(self) -> None:
        hall = Hall()
        factory = SiteFactory(hall.context, LimitsConfig(), lambda: 0.0)
        self.running: Any = SimpleNamespace(
            factories={"hall-a": factory},
            recorder=hall.recorder,
            power=None,
            log_level="info",
            by_hand=SimpleNamespace(drain=lambda _: "", undrain=lambda _: ""),
        )
        self.told: list[dict[str, Any]] = []
        actions = Actions(States(self.running), self._publish, lambda: UnixTime(1.7e9))
        self.actions = actions
        self.server = AdminFactory(
            Operations(self.running),
            hall.clock,
            may_steer=True,
            set_level=self._set_level,
            actions=actions,
        )

    def _publish(self, topic: str, value: Any) -> None:
        assert topic == "action"
        self.told.append(msgspec.to_builtins(value))

    def _set_level(self, level: str) -> None:
        self.running.log_level = level

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        connection = self.server.buildProtocol(None)
        assert connection is not None
        transport = StringTransport()
        connection.makeConnection(transport)
        connection._caller = CALLER
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        connection.dataReceived(json.dumps(call).encode() + b"\n")
        answer: dict[str, Any] = json.loads(transport.value())
        return answer


@pytest.mark.parametrize(
    ("method", "params", "before", "after"),
    [
        ("drain", {"site": "hall-a"}, {"hall-a": "open"}, {"hall-a": "drained"}),
        ("drain", {}, {"hall-a": "open"}, {"hall-a": "drained"}),
        ("ban", {"address": "10.7.0.0/16", "for_s": 60}, {}, {"hall-a": 60}),
        ("log.level", {"level": "debug"}, "info", "debug"),
    ],
)
def test_an_action_is_told_with_who_what_before_and_after(
    method: str, params: dict[str, Any], before: Any, after: Any
) -> None:
    site = Site()

    site.ask(method, **params)

    (told,) = site.told
    assert told == {
        "at": 1.7e9,
        "uid": 1000,
        "pid": 4711,
        "what": method,
        "params": params,
        "before": before,
        "after": after,
        "refused": "",
        "address": "",
        "user": "",
    }


def test_it_is_a_line_of_the_log() -> None:
    with capturedLogs() as logged:
        Site().ask("drain", site="hall-a")

    (line,) = (formatEvent(e) for e in logged if "caller" in e)
    before, after = '{"hall-a":"open"}', '{"hall-a":"drained"}'
    who = "uid 1000 (pid 4711)"
    assert line == f'{who}: drain {{"site":"hall-a"}}: {before} -> {after}'


def test_what_is_refused_is_told_with_the_reason() -> None:
    site = Site()

    site.ask("undrain", site="hall-a")

    (told,) = site.told
    assert told["refused"] == "hall-a is not being drained"
    assert told["before"] == told["after"] == {"hall-a": "open"}


def test_what_only_reads_or_cannot_be_read_is_no_action() -> None:
    site = Site()

    site.ask("sites")
    site.ask("drain", site=7)
    site.ask("drain", no_such="parameter")
    site.ask("log.level", level="no such")

    assert site.told == []


def test_what_takes_its_time_is_told_when_it_is_done() -> None:
    site, waiting = Site(), Deferred[ReloadView]()

    async def reload(dry_run: bool = False) -> ReloadView:  # noqa: FBT001, FBT002
        return await waiting if not dry_run else ReloadView(False, "", [])

    method = Method.of(reload)
    running = site.actions.run(CALLER, "reload", method, {})
    result = Deferred.fromCoroutine(running)
    assert site.told == []
    change = ChangeView("$.pools.main", "rebuild", "added")
    waiting.callback(ReloadView(True, "now in force", [change]))

    assert result.called
    assert [one["after"] for one in site.told] == [["$.pools.main"]]


def test_a_dry_run_is_no_action() -> None:
    site = Site()

    def reload(dry_run: bool = False) -> str:  # noqa: FBT001, FBT002
        return str(dry_run)

    found = site.actions.run(CALLER, "reload", Method.of(reload), {"dry_run": True})

    assert (found, site.told) == ("True", [])


def test_the_controllers_answer_says_what_rules_now() -> None:
    site = Site()

    def set_power(site: str) -> msgspec.Raw:
        said = {"site": site, "budget_w": 5.0, "ruled_by": "an order", "text": ""}
        return msgspec.Raw(msgspec.json.encode(said))

    site.actions.run(CALLER, "power.set", Method.of(set_power), {"site": "hall-a"})

    (told,) = site.told
    assert told["after"] == {"budget_w": 5.0, "ruled_by": "an order"}


def test_long_texts_are_told_in_part() -> None:
    site = Site()

    def kick(miner: str) -> str:
        raise Refused(f"no miner {miner[:3]!r}")

    with pytest.raises(Refused):
        site.actions.run(CALLER, "kick", Method.of(kick), {"miner": "x" * 60_000})

    assert len(site.told[0]["params"]["miner"]) == MAX_TOLD_CHARS + 3


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        found = caller_of(SimpleNamespace(socket=ours))

    assert found == Caller(os.getuid(), os.getpid())
    assert str(found) == f"uid {os.getuid()} (pid {os.getpid()})"


def test_without_a_unix_socket_nobody_is_known() -> None:
    with socket.socket() as tcp:
        assert caller_of(SimpleNamespace(socket=tcp)) is NOBODY_KNOWN
    assert caller_of(StringTransport()) is NOBODY_KNOWN
    assert str(NOBODY_KNOWN) == "somebody"


def test_what_was_asked_for_is_done_and_told_if_its_client_hangs_up() -> None:
    site = Site()
    answer: Deferred[None] = Deferred()

    async def power_set(site: str, watts: float) -> str:
        await answer  # of the controller: the order is on its way to it
        return "taken"

    actions, connection = site.actions, Tasks()
    call = actions.run(CALLER, "power.set", Method.of(power_set), ORDER)
    connection.start("admin call", call)
    connection.start("cancel admin calls", connection.cancel_all())
    assert site.told == []

    answer.callback(None)

    (told,) = site.told
    assert (told["uid"], told["what"], told["refused"]) == (1000, "power.set", "")


def test_what_a_stop_cuts_short_is_told() -> None:
    site = Site()

    async def power_set(site: str, watts: float) -> str:
        await Deferred[None]()
        return ""

    call = site.actions.run(CALLER, "power.set", Method.of(power_set), ORDER)
    Tasks().start("admin call", call)
    _ = Deferred.fromCoroutine(site.actions.tasks.cancel_all())

    (told,) = site.told
    assert told["refused"] == STOPPED


@pytest.mark.parametrize("is_awaited", [False, True])
def test_what_fails_by_our_fault_is_told(
    flush_failures: FlushFailures, *, is_awaited: bool
) -> None:
    site = Site()

    async def later(site: str, watts: float) -> str:
        raise BrokenError

    def now(site: str, watts: float) -> str:
        raise BrokenError

    method = Method.of(later if is_awaited else now)

    async def call() -> None:
        result = site.actions.run(CALLER, "power.set", method, ORDER)
        await result

    Tasks().start("admin call", call())

    (told,) = site.told
    assert told["refused"] == FAILED
    assert flush_failures(BrokenError) == 1


def test_what_failed_half_way_is_told_as_it_is_now(
    flush_failures: FlushFailures,
) -> None:
    site = Site()
    roster = site.running.factories["hall-a"].roster

    def drain(site: str) -> str:
        roster.drain(Seconds(0.0))
        raise BrokenError

    with pytest.raises(BrokenError):
        site.actions.run(CALLER, "drain", Method.of(drain), {"site": "hall-a"})

    (told,) = site.told
    assert (told["before"], told["after"]) == (
        {"hall-a": "open"},
        {"hall-a": "drained"},
    )
    assert flush_failures(BrokenError) == 0


def test_so_many_are_under_way_at_most() -> None:
    site = Site()

    async def power_set(site: str, watts: float) -> str:
        await Deferred[None]()
        return ""

    def start() -> None:
        call = site.actions.run(CALLER, "power.set", Method.of(power_set), ORDER)
        Tasks().start("admin call", call)

    for _ in range(MAX_UNDER_WAY):
        start()

    with pytest.raises(Refused, match="256 actions are under way"):
        start()
    _ = Deferred.fromCoroutine(site.actions.tasks.cancel_all())


@pytest.mark.parametrize(
    ("method", "is_kept"), [("reload", True), ("drain", True), ("log.level", False)]
)
def test_what_a_draw_follows_from_is_recorded(method: str, *, is_kept: bool) -> None:
    site, asked = Site(), []

    class Link:
        async def ask(self, method: str, params: dict[str, Any]) -> None:
            asked.append((method, params["site"], params["who"]))
            raise AskRefusedError("it is not there")

    link: Any = Link()
    record = ActionRecord(lambda: link, site.actions.tasks)
    site.actions.record = record.keep

    with capturedLogs() as logged:
        site.actions._done(
            CALLER, a_news(method), {"site": "hall-a"}, Done(True, "done")
        )

    lost = [e for e in logged if e["log_level"].name == "warn"]
    note = ("action.note", "hall-a", "uid 1000 (pid 4711)")
    assert asked == [note] * is_kept
    assert len(lost) == is_kept
