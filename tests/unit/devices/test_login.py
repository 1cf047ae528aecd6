"""What devices are shown, and that nobody else sees it."""

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.devices.login import hidden, makers_own, show_login
from proxy.power.ports import NO_LOGIN, Login

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
