"""Both ends of ours understand each other, however the bytes are cut."""

from hypothesis import given
from hypothesis import strategies as st

from protocol.bitcoin.target import target_from_difficulty
from protocol.sv2.channel_request import ChannelRequest
from protocol.sv2.client import MAX_PAYLOAD_BYTES, ClientSession
from protocol.sv2.line import ClientLine, ServerLine
from protocol.sv2.miner_events import ChannelAsked, ShareSubmitted
from protocol.sv2.server import ServerSession
from protocol.sv2.setup import Caller
from protocol.units import Difficulty, HashesPerSecond
from protocol.work.job import Work
from protocol.work.pool_events import ShareAnswered, WorkReceived
from tests.builders import a_job, a_work
from tests.noise_peers import NOW, a_pair, an_identity, an_initiator
from tests.received import received

U32 = st.integers(0, 2**32 - 1)


class Pair:
    """A client and a server, with the wire between them in the test's hands."""

    def __init__(self, cuts: list[int]) -> None:
        self.server = ServerSession(
            ServerLine(MAX_PAYLOAD_BYTES, an_identity(), a_pair(2))
        )
        self.client = ClientSession(
            ClientLine(MAX_PAYLOAD_BYTES, an_initiator(), NOW),
            Caller("h", 1, "baseload", "1", "site"),
            "main",
            1,
            ChannelRequest(HashesPerSecond(1e15), 8),
        )
        self.cuts = cuts
        self.works: list[Work] = []
        self.answered: list[ShareAnswered] = []
        self.shares: list[ShareSubmitted] = []
        self.upwards = self.client.start()

    def run(self) -> None:
        downwards = b""
        while self.upwards or downwards:
            for piece in self.pieces(self.upwards):
                for event in received(self.server, piece):
                    self.on_server(event)
            downwards = self.server.outgoing()
            for piece in self.pieces(downwards):
                for told in received(self.client, piece):
                    self.on_client(told)
            self.upwards = self.client.outgoing()

    def pieces(self, data: bytes) -> list[bytes]:
        found, at = [], 0
        while at < len(data):
            size = self.cuts[at % len(self.cuts)]
            found.append(data[at : at + size])
            at += size
        return found

    def on_server(self, event: object) -> None:
        if isinstance(event, ChannelAsked):
            target = target_from_difficulty(Difficulty(64.0))
            channel = self.server.open(event, b"\0\0\0\1", 8, target)
            self.server.send(channel.assign(a_job()))
        if isinstance(event, ShareSubmitted):
            self.shares.append(event)
            if event.nonce % 3:
                event.channel.accept(event.sequence, 64.0)
            else:
                event.channel.refuse(event.sequence, "stale-share")
            self.server.send(event.channel.answers())

    def on_client(self, event: object) -> None:
        if isinstance(event, WorkReceived):
            self.works.append(event.work)
        if isinstance(event, ShareAnswered):
            self.answered.append(event)


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=7),
    st.lists(st.tuples(U32, U32, U32, st.binary(min_size=8, max_size=8)), max_size=9),
)
def test_work_goes_down_and_shares_come_up_unchanged(
    cuts: list[int], shares: list[tuple[int, int, int, bytes]]
) -> None:
    pair = Pair(cuts)
    pair.run()

    for ntime, nonce, version, extranonce2 in shares:
        pair.upwards += pair.client.submit(
            "rig1", pair.works[0].source_job, extranonce2, ntime, nonce, version
        )[1]
    pair.run()

    assert pair.works[0].merkle_branch == a_work().merkle_branch
    assert pair.works[0].prev_hash == a_work().prev_hash
    assert [(s.ntime, s.nonce, s.version, s.extranonce2) for s in pair.shares] == shares
    verdicts = {a.submit_id: a.accepted for a in pair.answered}
    assert sorted(verdicts) == list(range(1, len(shares) + 1))
    for number, (_, nonce, _, _) in enumerate(shares, 1):
        assert verdicts[number] is bool(nonce % 3)
