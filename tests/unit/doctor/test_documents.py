"""What the doctor says of a site whose budget parties sign."""

from typing import Any

import pytest

from proxy.config import Config, SiteConfig
from proxy.doctor.documents import documents, of_site

DAY = 86_400.0


def _view(days: float = 90.0, **changes: Any) -> dict[str, Any]:
    view: dict[str, Any] = {
        "site": "hall-a",
        "policies": [{"version": 3, "expires": days * DAY}],
        "present": ["grid"],
        "raise_needs": 0,
        "unwritten": 0,
    }
    return view | changes


@pytest.mark.parametrize(
    ("view", "levels", "seen"),
    [
        (_view(), ["ok"], "policy 3, for 90 days yet"),
        (_view(29.0), ["warn"], "policy 3 expires in 29 days"),
        (_view(-1.0), ["fail"], "policy 3 has expired"),
        (_view(raise_needs=1), ["ok"], "for 90 days"),
        (_view(raise_needs=2), ["ok", "warn"], "present: grid, of 2"),
        (_view(raise_needs=1, present=[]), ["ok", "warn"], "present: nobody"),
        (_view(unwritten=2), ["ok", "fail"], "2 hold that could not be written"),
    ],
)
def test_what_somebody_must_do_is_said(
    view: dict[str, Any], levels: list[str], seen: str
) -> None:
    found = list(of_site(view, 0.0))

    assert [one.level for one in found] == levels
    assert any(seen in one.seen for one in found)
    assert all(bool(one.remedy) == (one.level != "ok") for one in found)


def test_nothing_is_said_where_nobody_signs() -> None:
    site = SiteConfig(name="hall-a", listen=("tcp:3333",), sources=["main"])
    assert not list(documents(Config(sites=[site]), lambda: 0.0))
