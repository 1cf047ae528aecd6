import pytest

from proxy.devices.slot_audit import foreign_pools

OURS = ("10.0.0.5:3333", "Proxy.example", "[fd00::5]:3333")


@pytest.mark.parametrize(
    "slot",
    ["stratum+tcp://10.0.0.5:3333", "stratum+ssl://proxy.example:443",
     "10.0.0.5:3333", "stratum+tls://10.0.0.5:3333", "tcp://10.0.0.5:3333",
     "Proxy.example", "stratum+tcp://PROXY.example:1", "stratum+tcp://[fd00::5]:3333"],
)  # fmt: skip
def test_a_slot_that_leads_here_is_ours(slot: str) -> None:
    assert foreign_pools([slot, ""], OURS) == ()


@pytest.mark.parametrize(
    "slot",
    ["stratum+tcp://pool.example:3333", "stratum+tcp://10.0.0.5:3334",
     "stratum+tcp://10.0.0.5", "stratum+tcp://proxy.example.org:3333", "http://[",
     "stratum+tcp://10.0.0.5:99999", "pool.example:3333", "pool.example",
     "stratum+tls://pool.example:443", "tcp://pool.example:3333"],
)  # fmt: skip
def test_a_slot_that_leads_elsewhere_is_foreign(slot: str) -> None:
    assert foreign_pools(["stratum+tcp://10.0.0.5:3333", slot], OURS) == (slot,)


def test_without_knowing_our_own_names_no_slot_is_foreign() -> None:
    assert foreign_pools(["stratum+tcp://pool.example:3333"], ()) == ()
