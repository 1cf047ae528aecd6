"""Every edge that reads somebody else's JSON takes a deeply nested one for rubbish."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from protocol.errors import MalformedMessageError
from protocol.sv1.messages import read_request as read_miner
from protocol.sv1.pool_lines import read_line
from protocol.sv1.pool_messages import read_notify
from protocol.sv1.pool_refusals import read_refusal
from protocol.work.template import parse_template
from proxy.admin.client import AdminError
from proxy.admin.client import _read as read_answer
from proxy.admin.rpc import RpcError
from proxy.admin.rpc import read_request as read_admin
from proxy.config import ConfigError, load_config
from proxy.node.check import _ask
from proxy.node.proposal import propose
from proxy.node.submitter import _decoded
from proxy.node.template_feed import _text
from proxy.power.link.messages import decode_up
from proxy.runtime.link import LinkConnection, LinkFactory
from proxy.signals.http_body import read_body
from proxy.signals.schedule import ScheduleError, parse_schedule
from proxy.sim.lines import read_message
from proxy.sim.luxos import read_request as read_luxos
from tests.builders import DEEP_JSON

RAW = msgspec.Raw(DEEP_JSON)


class _Rpc:
    """A node that answers everything with it."""

    async def call(self, *_: Any, **__: Any) -> msgspec.Raw:
        return RAW


def _result_of(call: Any) -> Any:
    ended: list[Any] = []
    _ = Deferred.fromCoroutine(call).addBoth(ended.append)
    ended[0].raiseException()


def _over_a_link(line: bytes) -> Any:
    factory: Any = LinkFactory(
        decode_up, 1 << 20, opened=print, received=print, lost=print
    )
    link: LinkConnection[Any] = factory.buildProtocol(None)
    return link._read(line)


EDGES: dict[str, tuple[Callable[[bytes], Any], type[Exception]]] = {
    "miner": (read_miner, MalformedMessageError),
    "miner_params": (
        lambda deep: read_miner(b'{"id":1,"method":"x","params":%b}' % deep),
        MalformedMessageError,
    ),
    "pool": (read_line, MalformedMessageError),
    "pool_notify": (lambda _: read_notify(RAW), MalformedMessageError),
    "template": (parse_template, MalformedMessageError),
    "best_block": (lambda _: _text(RAW), MalformedMessageError),
    "submitblock": (lambda _: _decoded(RAW), MalformedMessageError),
    "node_check": (
        lambda _: _result_of(_ask(_Rpc(), str, "x")),  # type: ignore[arg-type]
        MalformedMessageError,
    ),
    "proposal": (
        lambda _: _result_of(propose(_Rpc(), b"")),  # type: ignore[arg-type]
        MalformedMessageError,
    ),
    "admin": (read_admin, RpcError),
    "admin_params": (
        lambda deep: read_admin(b'{"method":"x","params":{"a":%b}}' % deep),
        RpcError,
    ),
    "admin_client": (lambda deep: read_answer(Path("s"), deep), AdminError),
    "order": (lambda deep: read_body(b'{"watts":%b}' % deep), ValueError),
    "schedule": (
        lambda deep: parse_schedule(
            b"entries = " + deep, is_csv=False, time_zone="UTC"
        ),
        ScheduleError,
    ),
    "controller": (_over_a_link, MalformedMessageError),
    "simulated_miner": (read_message, MalformedMessageError),
}


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_nested_too_deeply_cannot_be_read(edge: str) -> None:
    read, error = EDGES[edge]

    with pytest.raises(error):
        read(DEEP_JSON)


def test_a_refusal_nested_too_deeply_stays_a_refusal() -> None:
    refusal = read_refusal(RAW, RAW)

    assert refusal.code is None
    assert set(refusal.text) == {"["}
    assert len(refusal.text) <= 256


def test_a_device_request_nested_too_deeply_is_not_whole() -> None:
    assert read_luxos(b'{"command":%b}' % DEEP_JSON[:1000]) is None


def test_a_configuration_nested_too_deeply_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes(b"a = " + DEEP_JSON)

    with pytest.raises(ConfigError, match=r"site\.toml"):
        load_config(path)
