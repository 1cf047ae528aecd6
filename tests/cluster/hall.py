"""A hall's process: member and candidate of the product, and a log of what it may draw.

`python -m tests.cluster.hall NAME URL LOG SEED`; a line `set WATTS` on its input orders
the site. Each line of the log is JSON: when (the machine's monotonic clock), what.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet import asyncioreactor

from protocol.units import Seconds, UnixTime

BUDGET_W, FLOOR_W = 10_000, 500
POLL, TTL, LEASE = 0.4, 5.0, 1.2


def config_of(name: str, url: str) -> Any:
    import msgspec  # noqa: PLC0415

    from proxy.config import Config  # noqa: PLC0415

    hall = {"budget_w": BUDGET_W, "fail_safe_w": 1000, "part_of": "plant"}
    hall["floor_w"] = FLOOR_W
    plant = {"name": "plant", "budget_w": BUDGET_W, "fail_safe_w": 4 * FLOOR_W}
    times = {"poll_s": POLL, "ttl_s": TTL, "lease_s": LEASE}
    pool = {"name": "p", "url": "stratum+tcp://127.0.0.1:1", "user": "a"}
    return msgspec.convert(
        {
            "proxy": {"name": name},
            "pools": [pool],
            "sites": [
                {"name": "hall", "listen": ["tcp:1"], "sources": ["p"], "power": hall}
            ],
            "cluster": {"url": url, "sites": [plant], **times},
        },
        Config,
        dec_hook=lambda kind, value: kind(value),
    )


async def no_meter() -> float | None:
    return None


class Control:
    """Stands for a hall's control: keeps to what it is told while its lease lasts."""

    def __init__(self, log: Path, seed: str) -> None:
        from proxy.power.orders.receipt import Receipt  # noqa: PLC0415

        self._log = log.open("a", buffering=1)
        self._random = random.Random(seed)  # noqa: S311
        self._receipt = Receipt(is_taken=True)
        self.need = self._random.randrange(1000, 6000)
        self.orders: list[Any] = []
        self.member: Any = None

    def say(self, event: str, **what: Any) -> None:
        self._log.write(json.dumps({"t": time.monotonic(), "event": event, **what}))
        self._log.write("\n")

    def note(self, kind: str, cause: str, body: dict[str, Any]) -> None:
        self.say(kind, cause=cause, **body)

    def look(self) -> Any:
        from proxy.cluster.found import Figures  # noqa: PLC0415
        from proxy.cluster.member import HallNow  # noqa: PLC0415
        from proxy.power.allotment.rows import Need  # noqa: PLC0415

        self.need = max(0, min(9000, self.need + self._random.randrange(-400, 401)))
        config = config_of("a", "postgresql://a@b/c")
        digest = config.cluster.sites[0].digest
        need = (Need(1, 20, 0, self.need),)
        instance = sum(os.environ.get("HALL", "?").encode())
        figures = Figures(digest=digest, instance=instance)
        return HallNow(0, need, Seconds(0.0), figures)

    def take(self, orders: Sequence[Any], **_: Any) -> Any:
        self.orders = list(orders)
        self._hold("take")
        return self._receipt

    def renew(self, _: str) -> None:
        self._hold("renew")

    def standing(self, _: str) -> Sequence[Any]:
        return self.orders

    def _hold(self, event: str) -> None:
        lease_ends = time.monotonic() + self.member.lease_s
        held = self.member.held()
        # what it rests on: the order's lease is over before the grant is
        assert lease_ends <= held.until + 0.001, (lease_ends, held.until)
        self.say(event, watts=self.orders[-1].watts, until=lease_ends)


def main(name: str, url: str, log: str, seed: str) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    from twisted.internet import reactor as running  # noqa: PLC0415
    from twisted.internet.defer import Deferred  # noqa: PLC0415

    from proxy.cluster.outside import Outside  # noqa: PLC0415
    from proxy.cluster.side import ClusterSide  # noqa: PLC0415
    from proxy.power.control.wall_clock import SteadyClock  # noqa: PLC0415
    from proxy.runtime.tasks import Tasks  # noqa: PLC0415

    reactor: Any = running
    reactor.seconds = time.monotonic
    tasks = Tasks()
    control, config = Control(Path(log), seed), config_of(name, url)
    side = ClusterSide.of(
        config,
        0,
        loop=loop,
        clock=reactor,
        wall_clock=SteadyClock(lambda: UnixTime(time.time()), time.monotonic),
        note=control.note,
        outside=Outside(lambda _: no_meter, lambda _, __: (), Path(log).parent),
    )
    assert side is not None
    hall = config.sites[0]
    member = side.member_of(hall, hall.power, config)
    control.member, member.look = member, control.look

    def heard() -> None:
        words = os.read(0, 4096).decode().split()
        if words[:1] == ["set"]:
            tasks.start("order", order(float(words[1])))

    async def order(watts: float) -> None:
        await side.set("plant", watts, None, "test")

    async def stop() -> None:
        await member.stop()
        await side.stop()
        control.say("end")

    def start() -> None:
        control.say("start")
        listener: Any = control
        member.start(listener)
        side.start()
        loop.add_reader(0, heard)

    reactor.callWhenRunning(start)
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(stop())
    )
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
