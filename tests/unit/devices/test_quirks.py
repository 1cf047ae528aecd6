import pytest

from protocol.units import HashesPerSecond, Watts
from proxy.devices.quirks import QUIRKS, is_asleep, quirks_of
from proxy.power.ports import DEVICE_DEADLINE, SLOWEST_ANSWER

LUXOS = QUIRKS["LUXMiner"]
BRAIINS = QUIRKS["BOSer"]
AWAKE, NOTHING = HashesPerSecond(104e12), HashesPerSecond(0.0)


def test_the_nearest_class_that_is_in_the_table_rules() -> None:
    classes = ["LUXMinerS19jPro", "LUXMiner", "LuxOSFirmware", "BaseMiner"]

    assert quirks_of(classes) is LUXOS


def test_what_is_not_in_the_table_is_never_commanded() -> None:
    unknown = quirks_of(["BMMiner", "BaseMiner"])

    assert not unknown.can_sleep
    assert not unknown.can_limit


@pytest.mark.parametrize(
    ("power", "hashrate", "asleep"),
    [(25.0, NOTHING, True), (25.0, None, True), (307.0, NOTHING, False),
     (25.0, AWAKE, False), (None, NOTHING, None), (3068.0, AWAKE, False)],
)  # fmt: skip
def test_sleep_is_inferred_where_firmware_says_that_it_mines_for_ever(
    power: float | None,
    hashrate: HashesPerSecond | None,
    asleep: bool | None,  # noqa: FBT001
) -> None:
    watts = None if power is None else Watts(power)

    found = is_asleep(LUXOS, is_mining=True, power_w=watts, hashrate_hs=hashrate)

    assert found is asleep


@pytest.mark.parametrize(("is_mining", "asleep"), [(True, False), (False, True)])
def test_firmware_that_tells_is_believed(is_mining: bool, asleep: bool) -> None:  # noqa: FBT001
    idle = Watts(300.0)

    found = is_asleep(BRAIINS, is_mining=is_mining, power_w=idle, hashrate_hs=None)

    assert found is asleep


def test_firmware_that_hashes_is_awake_whatever_it_tells() -> None:
    found = is_asleep(BRAIINS, is_mining=False, power_w=None, hashrate_hs=AWAKE)

    assert found is False


def test_each_firmware_has_the_time_that_it_takes_for_a_command() -> None:
    slow = QUIRKS["AntminerModern"].answers_within

    assert slow > 21.0, "stock Antminers answer after 8 to 21 s"
    assert LUXOS.answers_within == DEVICE_DEADLINE
    assert all(q.answers_within <= SLOWEST_ANSWER for q in QUIRKS.values())
