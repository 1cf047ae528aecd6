"""What devices are shown, and that nobody else sees it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from proxy.devices.control import PyasicDevices
from proxy.devices.login import hidden, makers_own, show_login
from proxy.power.ports import NO_LOGIN, DeviceReport, Login

OURS = Login("operator", "s3cret")
MAKERS = "root"


def a_miner() -> Any:
    return SimpleNamespace(
        web=SimpleNamespace(username="root", pwd=MAKERS),
        rpc=SimpleNamespace(pwd=MAKERS),
        ssh=None,
    )


def test_each_interface_that_asks_is_shown_it() -> None:
    miner = a_miner()

    show_login(miner, OURS)

    assert (miner.web.username, miner.web.pwd) == ("operator", "s3cret")
    assert miner.rpc.pwd == OURS.password
    assert not hasattr(miner.rpc, "username"), "it asks for none"


@pytest.mark.parametrize(
    ("login", "shown"),
    [
        (NO_LOGIN, ("root", "root")),
        (Login(None, "new"), ("root", "new")),
        (Login("me", None), ("me", "root")),
    ],
)
def test_what_is_not_said_stays_the_makers(
    login: Login, shown: tuple[str, str]
) -> None:
    miner = a_miner()

    show_login(miner, login)

    assert (miner.web.username, miner.web.pwd) == shown


def test_a_password_is_in_no_text() -> None:
    assert "s3cret" not in repr(OURS)
    assert hidden("GET /login?password=s3cret failed", OURS) == (
        "GET /login?password=*** failed"
    )
    assert hidden("as it is", NO_LOGIN) == "as it is"
    assert makers_own("10.0.0.1") is NO_LOGIN


class Web:
    """pyasic's web API of a machine, with the token that a login was answered by."""

    def __init__(self) -> None:
        self.username, self.pwd, self.token = "root", MAKERS, ""


class AntminerModern:
    """pyasic's machine, told apart by the name of its class."""

    rpc, ssh = None, None

    def __init__(self, ip: str) -> None:
        self.ip, self.web = ip, Web()

    async def get_miner_conf(self) -> None:
        """Answer nothing."""


class Factory:
    """Keeps the machine that was found first."""

    async def get_miner(self, ip: str) -> AntminerModern:
        return AntminerModern(ip)

    async def send_api_command(self, *_: str) -> str:
        return "stock"


def test_a_known_device_is_shown_what_its_row_says_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[tuple[str, str, str]] = []

    async def note(miner: Any, *_: object) -> DeviceReport:
        shown.append((miner.web.username, miner.web.pwd, miner.web.token))
        miner.web.token = f"of {miner.web.pwd}"
        return DeviceReport()

    monkeypatch.setattr("proxy.devices.machine.read_report", note)
    logins = iter([NO_LOGIN, OURS, OURS, Login("operator", "new"), NO_LOGIN])

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        devices = PyasicDevices(loop, Factory(), login_of=lambda _: next(logins))
        for _ in range(5):
            await Deferred.fromCoroutine(devices.read("10.0.0.1")).asFuture(loop)

    asyncio.run(scenario())
    assert shown == [
        ("root", "root", ""),
        ("operator", "s3cret", ""),
        ("operator", "s3cret", "of s3cret"),
        ("operator", "new", ""),
        ("root", "root", ""),
    ]
