"""Who is asked for an identity, and for whom."""

from proxy.power.actuation.sought import SoughtIdentities


def test_an_asker_is_one_until_none_is_asked_for_it() -> None:
    sought = SoughtIdentities()
    sought.seek("a", "mac-a", "x")
    sought.seek("b", "mac-b", "x")

    assert sought.pop("a") == ("mac-a", "x")
    assert sought.is_asker("x")
    assert sought.pop("b") == ("mac-b", "x")
    assert not sought.is_asker("x")
    assert sought.pop("b") is None


def test_one_is_asked_for_the_last_that_says_its_identity() -> None:
    sought = SoughtIdentities()
    sought.seek("a", "mac", "x")
    sought.seek("a", "mac", "y")

    assert not sought.is_asker("x")
    assert sought.pop("a") == ("mac", "y")
