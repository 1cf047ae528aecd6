"""A log that is published and cosigned over real sockets."""

from pathlib import Path

from twisted.internet.threads import deferToThread

from protocol.tlog.trust import trust_of
from protocol.units import Seconds
from proxy.oversight.http import WitnessHttp
from proxy.oversight.publisher import Around, Begun, LogPublisher
from proxy.oversight.witnesses import AskedWitness
from proxy.runtime.one_thread import OneThread
from tests.oversight_logs import AT, SIGNER, Plant


class LiveLog:
    """A log whose rows are published and cosigned over real sockets."""

    def __init__(self, state: Path, policy: str) -> None:
        from twisted.internet import reactor  # noqa: PLC0415, TID251

        self.plant = Plant(state)
        self.http = WitnessHttp(reactor)
        trust = trust_of(policy.encode())
        self.publisher = LogPublisher(
            lambda: Begun(self.plant.writer(), [SIGNER]),
            trust,
            [AskedWitness(one, self.http) for one in trust.witnesses],
            self.plant.store.publish,
            Around(OneThread(deferToThread).run, reactor, lambda: AT),
            Seconds(300.0),
            self.http.close,
        )

    async def close(self) -> None:
        await self.publisher.stop()
        self.plant.close()
