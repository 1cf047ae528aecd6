import json
from typing import Any

import pytest
from twisted.internet.task import Clock

from proxy.admin.refused import Refused
from proxy.admin.server import AdminFactory
from proxy.admin.views import Done


class FakeOperations:
    """Answers as the real ones do, with nothing behind."""

    def status(self) -> Any:
        return {"name": "unit-1", "nodes": []}

    def sites(self) -> list[str]:
        return []

    def nodes(self) -> list[str]:
        return []

    def pools(self) -> list[str]:
        return []

    def miners(self, filter: str = "*", page: int = 0) -> list[str]:  # noqa: A002
        return [filter, str(page)]

    def kick(self, miner: str) -> Done:
        if miner == "nobody":
            raise Refused("no miner 'nobody'")
        return Done(True, f"hung up on {miner}")

    def ban(self, address: str) -> Done:
        return Done(True, address)

    unban = drain = ban


def ask(line: bytes, *, steer: bool = True) -> dict[str, Any]:
    operations: Any = FakeOperations()
    answer = AdminFactory(operations, Clock(), may_steer=steer).answer(line)
    decoded: dict[str, Any] = json.loads(answer)
    return decoded


def request(method: str, **params: Any) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    ).encode()


def test_a_method_is_answered_with_its_id() -> None:
    answer = ask(request("miners", filter="rack-*", page=2))

    assert answer == {"jsonrpc": "2.0", "id": 7, "result": ["rack-*", "2"]}


def test_the_observer_reads_and_does_not_touch() -> None:
    assert "result" in ask(request("status"), steer=False)
    refused = ask(request("kick", miner="1"), steer=False)

    assert refused["error"]["code"] == -32001
    assert "observer" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense", -32700),
        (b"[1,2]", -32700),
        (b"[" * 5000, -32700),
        (request("no.such"), -32601),
        (request("__init__"), -32601),
        (request("kick"), -32602),
        (request("kick", miner="1", more=2), -32602),
        (request("kick", miner="nobody"), -32000),
    ],
)
def test_what_cannot_be_done_has_a_code(line: bytes, code: int) -> None:
    assert ask(line)["error"]["code"] == code


def test_a_steering_method_is_done() -> None:
    assert ask(request("kick", miner="rig1"))["result"]["text"] == "hung up on rig1"
