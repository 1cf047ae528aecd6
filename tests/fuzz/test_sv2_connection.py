"""Whatever an encrypted miner says, it harms nobody but itself."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.sv2.codec import Message, mining
from tests.fakes.sv2_wire import NTIME, Door
from tests.messages import ANY_MESSAGE

IDS = st.integers(0, 5)
U32 = st.integers(0, 2**32 - 1)
SAID = st.one_of(
    ANY_MESSAGE,
    st.builds(
        mining.OpenExtendedMiningChannel,
        IDS,
        st.text(max_size=5),
        st.floats(width=32),
        st.integers(0, 2**256 - 1),
        IDS,
    ),
    st.builds(
        mining.OpenStandardMiningChannel,
        IDS,
        st.text(max_size=5),
        st.floats(width=32),
        st.integers(0, 2**256 - 1),
    ),
    st.builds(
        mining.SubmitSharesExtended,
        *[IDS, U32, IDS, U32, st.just(NTIME) | U32, U32],
        st.binary(max_size=8),
        st.binary(max_size=8),
    ),
    st.builds(
        mining.SubmitSharesStandard, *[IDS, U32, IDS, U32, st.just(NTIME) | U32, U32]
    ),
    st.builds(mining.CloseChannel, IDS, st.text(max_size=5)),
    st.builds(mining.UpdateChannel, IDS, st.floats(width=32), U32),
)


@settings(max_examples=150)
@given(st.lists(SAID, max_size=10))
def test_any_messages_leave_the_site_whole(messages: list[Message]) -> None:
    door = Door()
    door.hall.sources[0].post()
    wire = door.connect().set_up()
    for message in messages:
        if not wire.is_dropped:
            wire.say(message)
    door.hall.sources[0].post(prev_hash=b"\x09" * 32)
    door.pass_time(2)
    wire.hang_up()
    other = door.connect().set_up()
    opened = other.extended()[0]

    assert other.accepted_nonce(opened.channel_id) >= 0
    assert len(door.roster.miners) == 1
    assert sum(group.space.slots.held for group in door.hall.board.groups) == 1


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=120), max_size=4), st.booleans())
def test_any_bytes_leave_the_site_whole(pieces: list[bytes], greeted: bool) -> None:  # noqa: FBT001
    door = Door()
    wire = door.connect("auto")
    if greeted:
        wire.set_up()
    for piece in pieces:
        wire.send(piece)
    wire.hang_up()
    door.hall.clock.advance(0)  # the turn in which it was read ends

    assert not door.roster.miners
    assert not door.hall.clock.getDelayedCalls()
