"""No message in any order raises anything but the protocol's errors."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.sv2.codec import Message, mining
from protocol.sv2.miner_events import ChannelAsked
from tests.builders import a_job
from tests.fakes.sv2_ends import MinerEnd, PoolEnd, a_setup, an_extended
from tests.fakes.sv2_ends import a_job as a_pool_job
from tests.messages import ANY_MESSAGE

IDS = st.integers(1, 4)
FROM_MINERS = st.one_of(
    ANY_MESSAGE,
    st.builds(
        mining.SubmitSharesExtended,
        *[IDS, IDS, IDS, IDS, IDS, IDS],
        st.binary(max_size=9),
        st.binary(max_size=9),
    ),
    st.builds(mining.CloseChannel, IDS, st.text(max_size=9)),
    st.builds(mining.UpdateChannel, IDS, st.floats(width=32), IDS),
    st.just(an_extended()),
)
FROM_POOLS = st.one_of(
    ANY_MESSAGE,
    st.builds(a_pool_job, job_id=IDS, channel_id=IDS, min_ntime=st.none() | IDS),
    st.builds(mining.SetNewPrevHash, IDS, IDS, st.just(bytes(32)), IDS, IDS),
    st.builds(mining.SetGroupChannel, IDS, st.lists(IDS).map(tuple)),
    st.builds(mining.SubmitSharesSuccess, IDS, IDS, IDS, IDS),
)


@settings(max_examples=300)
@given(st.lists(FROM_MINERS, max_size=12))
def test_a_server_takes_or_refuses_any_messages(messages: list[Message]) -> None:
    miner = MinerEnd()
    try:
        miner.say(a_setup())
        for message in messages:
            miner.events.clear()
            miner.say(message)
            for event in miner.events:
                if isinstance(event, ChannelAsked) and (event.min_size or 0) <= 4:
                    channel = miner.session.open(event, b"\0\0\0\1", 4, 5)
                    miner.session.send(channel.assign(a_job()))
    except RemoteError:
        return


@settings(max_examples=300)
@given(st.lists(FROM_POOLS, max_size=12))
def test_a_client_takes_or_refuses_any_messages(messages: list[Message]) -> None:
    pool = PoolEnd()
    try:
        pool.opened(channel_id=2)
        for message in messages:
            pool.say(message)
    except RemoteError:
        return
