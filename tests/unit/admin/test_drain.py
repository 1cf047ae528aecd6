"""Draining a site, and ending it, as operators do and see it."""

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.admin.operations import Operations
from proxy.admin.refused import Refused
from proxy.admin.render import sites
from proxy.config import LimitsConfig
from proxy.downstream.connection import SiteFactory
from tests.fakes.hall import Hall


def operations() -> tuple[Operations, SiteFactory]:
    hall = Hall()
    factory = SiteFactory(hall.context, LimitsConfig(), lambda: 0.0)
    running: Any = SimpleNamespace(
        factories={"hall-a": factory}, recorder=hall.recorder, power=None
    )
    return Operations(running), factory


def test_a_drained_site_is_named_until_it_is_drained_no_more() -> None:
    admin, factory = operations()

    admin.drain("hall-a")
    (drained,) = admin.sites()
    admin.undrain("hall-a")
    (again,) = admin.sites()

    assert (drained.draining, again.draining) == (True, False)
    assert not factory.roster.is_draining


def test_a_site_that_is_not_drained_cannot_be_undrained() -> None:
    admin, _ = operations()

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
