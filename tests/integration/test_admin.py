"""The admin socket, its client and the kernel between them."""

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from typing_extensions import override

from proxy.admin.access import OWNER_ALONE, Access
from proxy.admin.client import AdminError, call, news
from proxy.admin.connection import MAX_REQUEST_BYTES
from proxy.admin.listen import AdminEndpoint, is_served
from proxy.admin.server import MAX_CONNECTIONS, AdminFactory
from proxy.admin.topics import Topics
from tests.support import on_reactor
from tests.unit.admin.test_server import FakeOperations

pytestmark = pytest.mark.integration


async def listening(
    path: Path, topics: Topics | None = None, access: Access = OWNER_ALONE
) -> IListeningPort:
    operations: Any = FakeOperations()
    from twisted.internet import reactor  # noqa: PLC0415

    unix: Any = reactor
    factory = AdminFactory(operations, unix, may_steer=True, topics=topics)
    return await AdminEndpoint(unix, path, access).listen(factory)


async def elsewhere(function: Callable[[], Any]) -> Any:
    return await deferToThread(function)


def leave_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


@on_reactor
async def test_a_call_is_answered_through_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "state" / "admin.sock"
    port = await listening(path)
    answer = await elsewhere(lambda: call(path, "miners", {"page": 3}))
    await maybeDeferred(port.stopListening)

    assert answer == ["*", 3]


@on_reactor
async def test_only_the_owner_may_open_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "admin.sock"
    port = await listening(path)
    modes = path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777
    await maybeDeferred(port.stopListening)

    assert modes == (0o600, 0o700)


@on_reactor
async def test_a_refusal_is_an_error_with_the_servers_words(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    port = await listening(path)
    with pytest.raises(AdminError, match=r"\$\.page"):
        await elsewhere(lambda: call(path, "miners", {"page": "x"}))
    await maybeDeferred(port.stopListening)


@on_reactor
async def test_a_socket_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    leave_stale(path)
    port = await listening(path)
    answer = await elsewhere(lambda: call(path, "status", {}))
    await maybeDeferred(port.stopListening)

    assert answer == "fine"


@on_reactor
async def test_a_socket_in_use_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    port = await listening(path)
    with pytest.raises(CannotListenError):
        await listening(path)
    answer = await elsewhere(lambda: call(path, "status", {}))
    await maybeDeferred(port.stopListening)

    assert answer == "fine"


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    path.write_text("mine")
    served = is_served(path)

    assert not served
    assert path.read_text() == "mine"


@on_reactor
async def test_news_come_as_they_happen(tmp_path: Path) -> None:
    path, topics = tmp_path / "admin.sock", Topics()
    port = await listening(path, topics)
    stream: Any = news(path, ["block"])
    coming = deferToThread(lambda: next(stream))
    while not coming.called:
        topics.publish("block", {"height": 7})
        await elsewhere(lambda: None)
    item = await coming
    stream.close()
    await maybeDeferred(port.stopListening)

    assert item == ("block", {"height": 7})


@on_reactor
async def test_one_client_too_many_is_told_to_try_again(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    port = await listening(path)

    def crowd() -> str:
        sockets = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CONNECTIONS)]
        for one in sockets:
            one.connect(str(path))
        try:
            call(path, "status", {})
        except AdminError as error:
            return str(error)
        finally:
            for one in sockets:
                one.close()
        return "answered"

    said = await elsewhere(crowd)
    await maybeDeferred(port.stopListening)

    assert "try again" in said or "hung up" in said


@on_reactor
async def test_a_group_may_open_what_is_shared_with_it(tmp_path: Path) -> None:
    path, gid = tmp_path / "run" / "observer.sock", os.getgid()
    port = await listening(path, access=Access(0o660, gid))
    socket_, folder = path.stat(), path.parent.stat()
    await maybeDeferred(port.stopListening)

    assert (socket_.st_mode & 0o777, socket_.st_gid) == (0o660, gid)
    assert (folder.st_mode & 0o777, folder.st_gid) == (0o710, gid)


@on_reactor
async def test_a_group_that_is_not_ours_to_give_to_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "observer.sock"

    class Foreign(Access):
        @override
        def apply(self, path: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

    with pytest.raises(CannotListenError, match="not permitted"):
        await listening(path, access=Foreign())
    assert not path.exists()


def test_folders_that_keep_people_out_are_named(tmp_path: Path) -> None:
    path = tmp_path / "state" / "observer.sock"
    path.parent.mkdir(mode=0o700)
    tmp_path.chmod(0o711)
    shared = Access(0o660, os.getgid())

    assert path.parent in set(shared.closed_folders(path))
    assert not set(Access(0o600).closed_folders(path))
    path.parent.chmod(0o710)
    assert path.parent not in set(shared.closed_folders(path))


class LongAnswers(FakeOperations):
    @override
    def status(self) -> str:
        return "x" * 1_000_000


@on_reactor
@pytest.mark.parametrize(
    "asked",
    [
        b'{"id":1,"method":"status"}\n' * 2,  # and does not read the first
        b"x" * (MAX_REQUEST_BYTES + 1),
    ],
)
async def test_who_is_hung_up_on_is_gone(tmp_path: Path, asked: bytes) -> None:
    path = tmp_path / "admin.sock"
    operations: Any = LongAnswers()
    from twisted.internet import reactor  # noqa: PLC0415

    unix: Any = reactor
    factory = AdminFactory(operations, unix, may_steer=True)
    port = await AdminEndpoint(unix, path).listen(factory)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.setblocking(False)
        client.sendall(asked)
        while not factory.connections:
            await deferLater(unix, 0)
        while factory.connections:  # the client stays
            await deferLater(unix, 0.001)
    await maybeDeferred(port.stopListening)
