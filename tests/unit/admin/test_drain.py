"""Draining a site, and ending it, as operators do and see it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from protocol.units import UnixTime
from proxy.admin.by_hand import ByHand
from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.render import sites
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from tests.fakes.hall import Hall


def operations(folder: Path) -> tuple[Operations, SiteFactory]:
    hall = Hall()
    factory = SiteFactory(hall.context, LimitsConfig(), lambda: 0.0)
    running: Any = SimpleNamespace(
        factories={"hall-a": factory},
        recorder=hall.recorder,
        power=None,
        by_hand=held(folder),
    )
    return Operations(running), factory


def held(folder: Path) -> ByHand:
    return ByHand(folder / "by_hand.json", lambda: UnixTime(1.7e9), Clock())


def test_a_drained_site_is_named_until_it_is_drained_no_more(tmp_path: Path) -> None:
    admin, factory = operations(tmp_path)

    admin.drain("hall-a")
    (drained,) = admin.sites()
    admin.undrain("hall-a")
    (again,) = admin.sites()

    assert (drained.draining, again.draining) == (True, False)
    assert not factory.roster.is_draining


def test_it_is_kept_until_it_is_drained_no_more(tmp_path: Path) -> None:
    admin, _ = operations(tmp_path)

    admin.drain()
    admin.drain("hall-a")
    with capturedLogs() as logged:
        again = held(tmp_path)
    admin.undrain()

    assert again.drained == ["hall-a"]
    (line,) = map(formatEvent, logged)
    assert line == (
        "still in force: site hall-a is drained by hand since 2023-11-14 22:13 UTC,"
        " until that is ended"
    )
    assert held(tmp_path).drained == []


def test_a_disk_that_takes_nothing_is_said(tmp_path: Path) -> None:
    admin, factory = operations(tmp_path / "gone")

    assert "a restart forgets it: " in admin.drain("hall-a").text
    assert factory.roster.is_draining


def test_a_site_that_is_not_drained_cannot_be_undrained(tmp_path: Path) -> None:
    admin, _ = operations(tmp_path)

    with pytest.raises(Refused, match="hall-a is not being drained"):
        admin.undrain("hall-a")
    with pytest.raises(Refused, match="no site 'hall-b'"):
        admin.undrain("hall-b")


def test_the_table_says_which_sites_are_drained() -> None:
    shares = {"accepted": 0, "rejected": {}, "lost": {}}
    site = {
        "name": "hall-a",
        "source": "main",
        "hashrate_hs": {"5m": 0.0},
        "miners": {"active": 0, "connected": 0, "parked": 0},
        "shares": shares,
        "budget_w": None,
        "draining": True,
    }

    assert sites([site]).endswith("hall-a is drained: it takes no miners\n")
