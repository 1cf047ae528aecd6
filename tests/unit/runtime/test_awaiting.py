"""What fails in a coroutine is logged; its end by others is not."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from attrs import fields
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs
from typing_extensions import override

from protocol.units import Seconds
from proxy.admin.rpc import read_request
from proxy.admin.server import AdminFactory
from proxy.controller.api import ControllerApi
from proxy.power.link.messages import Ask
from proxy.runtime.awaiting import failures_logged
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.tasks import Tasks
from tests.conftest import FlushFailures


async def never() -> None:
    await Deferred[None]()


def of_a_task() -> Coroutine[Any, Any, Any]:
    return Tasks()._guard("work", never())


def of_a_series() -> Coroutine[Any, Any, Any]:
    return PeriodicService(Seconds(1.0), never, Clock())._work_once()


def of_the_admin_socket() -> Coroutine[Any, Any, Any]:
    operations: Any = None
    server = AdminFactory(operations, Clock(), may_steer=True)
    request = read_request(b'{"jsonrpc":"2.0","id":1,"method":"miners"}')
    return server._awaited(request, never())


class WaitingApi(ControllerApi):
    @override
    async def _result(self, ask: Ask) -> Any:
        del ask
        await never()


def of_the_controller() -> Coroutine[Any, Any, Any]:
    nothing: dict[str, Any] = {f.name: None for f in fields(WaitingApi) if f.init}
    api = WaitingApi(**nothing)
    return api.answer(Ask(1, "power.history", {}))


@pytest.mark.parametrize(
    "waiting", [of_a_task, of_a_series, of_the_admin_socket, of_the_controller]
)
def test_to_be_cancelled_or_thrown_away_is_no_failure(
    waiting: Callable[[], Coroutine[Any, Any, Any]], flush_failures: FlushFailures
) -> None:
    with capturedLogs() as logged:
        call = Deferred.fromCoroutine(waiting())
        _ = call.addErrback(lambda failure: failure.trap(CancelledError))
        call.cancel()

        other = waiting()
        other.send(None)
        other.close()

    assert [e for e in logged if e["log_level"] > LogLevel.info] == []
    assert flush_failures(CancelledError) == 0


def test_a_failure_is_logged_and_the_rest_goes_on(
    flush_failures: FlushFailures,
) -> None:
    with failures_logged(Logger(), "{what} failed", what="work"):
        raise ValueError("no")

    assert flush_failures(ValueError) == 1
