"""Commands that write a whole configuration: nothing unread is overwritten."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from proxy.devices.antminer import StockModes
from proxy.devices.mara import MaraModes
from proxy.power.ports import DeviceError

POOLS = [{"url": "stratum+tcp://10.0.0.5:3333", "user": "a", "pass": "x"}]


class Web:
    """A web API of a machine that keeps what was written."""

    def __init__(self, conf: Any) -> None:
        self.conf = conf
        self.written: list[dict[str, Any]] = []

    async def get_miner_conf(self) -> Any:
        return self.conf

    async def set_miner_conf(self, conf: dict[str, Any]) -> dict[str, str]:
        self.written.append(conf)
        self.conf = {**self.conf, "bitmain-work-mode": str(conf["miner-mode"])}
        return {"stats": "success", "code": "M000", "msg": "OK!"}

    async def get_miner_config(self) -> Any:
        return self.conf

    async def set_miner_config(self, **conf: Any) -> None:
        self.written.append(conf)
        self.conf = conf


def stock(mode: Any = "3") -> Web:
    return Web({"pools": POOLS, "bitmain-work-mode": mode, "bitmain-freq-level": "90"})


def mara(mode: str = "Fixed") -> Web:
    return Web({"mode": {"work-mode-selector": mode, "fixed": 1}, "pools": POOLS})


def done(coroutine: Any) -> Any:
    return Deferred.fromCoroutine(coroutine).result


@pytest.mark.parametrize("mode", ["3", 3, "0", 0])
def test_a_stock_antminer_gets_back_what_it_had(mode: Any) -> None:
    web, modes = stock(mode), StockModes()

    assert done(modes.sleep(web)) is True
    assert done(modes.sleep(web)) is True, "again: it sleeps already"
    assert done(modes.wake(web)) is True

    first, _, last = web.written
    assert (first["miner-mode"], last["miner-mode"]) == (1, int(mode))
    assert first["pools"] == last["pools"] == POOLS
    assert first["freq-level"] == last["freq-level"] == "90"


def test_one_that_works_is_not_written_to_when_it_is_woken() -> None:
    for web, modes in ((stock(), StockModes()), (mara(), MaraModes())):
        assert done(modes.wake(web)) is True
        assert not web.written


def test_marafw_gets_back_the_mode_that_its_owner_chose() -> None:
    web, modes = mara(), MaraModes()

    done(modes.sleep(web))
    asleep = web.conf["mode"]["work-mode-selector"]
    done(modes.wake(web))

    assert asleep == "Sleep"
    assert web.conf == mara().conf


@pytest.mark.parametrize(
    "conf",
    [{}, None, [], {"success": False, "message": "no"}, {"pools": POOLS},
     {"pools": [], "bitmain-work-mode": "0"},
     {"pools": [{"url": ""}], "bitmain-work-mode": "0"},
     {"pools": POOLS, "bitmain-work-mode": ""}, {"mode": {}}, {"mode": None}],
)  # fmt: skip
@pytest.mark.parametrize("kind", [StockModes, MaraModes])
def test_what_cannot_be_read_is_not_written(conf: Any, kind: Callable[[], Any]) -> None:
    web = Web(conf)

    for command in (kind().sleep, kind().wake):
        with pytest.raises(DeviceError, match=r"cannot be read|no pool"):
            command(web).send(None)  # it awaits nothing that is not there

    assert not web.written
