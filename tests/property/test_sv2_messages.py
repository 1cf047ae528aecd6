"""Any message survives the wire; none survives being cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import MalformedMessageError
from protocol.sv2 import mining
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.frame import HEADER_BYTES, Frame, frame_of, read_header
from protocol.sv2.message import MessageType, known_types
from protocol.sv2.tlv import worker_of, worker_tlv
from tests.messages import ANY_MESSAGE, MESSAGES, any_of

LIMIT = 1 << 24

# these swallow what follows, or can do without their last field
_OPEN_ENDED = (mining.SubmitSharesExtended, mining.OpenExtendedMiningChannelSuccess)


def frame(raw: bytes) -> Frame:
    header = read_header(raw[:HEADER_BYTES], LIMIT)
    assert header.length == len(raw) - HEADER_BYTES
    return frame_of(header, raw[HEADER_BYTES:])


def cut(whole: Frame, size: int) -> Frame:
    return Frame(whole.extension, whole.is_channel, whole.type, whole.payload[:size])


def test_every_message_of_the_tables_is_known() -> None:
    assert len(MESSAGES) == 5 + 3 + 21 + 8 + 7


@given(ANY_MESSAGE)
def test_what_is_built_is_read_back(message: Message) -> None:
    assert decode(frame(encode(message))) == message


@given(ANY_MESSAGE, st.data())
def test_a_message_cut_short_is_malformed(
    message: Message, data: st.DataObject
) -> None:
    whole = frame(encode(message))
    size = data.draw(st.integers(0, len(whole.payload) - 1))
    if isinstance(message, _OPEN_ENDED):
        return

    with pytest.raises(MalformedMessageError):
        decode(cut(whole, size))


@given(ANY_MESSAGE, st.binary(min_size=1, max_size=20))
def test_what_follows_the_last_field_is_passed_over(
    message: Message, more: bytes
) -> None:
    if isinstance(message, mining.SubmitSharesExtended):
        return  # it keeps them

    whole = frame(encode(message))
    longer = Frame(whole.extension, whole.is_channel, whole.type, whole.payload + more)

    assert decode(longer) == message


@given(st.text(min_size=0, max_size=32).filter(lambda t: len(t.encode()) <= 32))
def test_a_worker_name_survives_in_either_byte_order(worker: str) -> None:
    little = worker_tlv(worker)
    big = little[1::-1] + little[2:3] + little[4:2:-1] + little[5:]

    assert worker_of(little) == worker
    assert worker_of(big) == worker
    assert worker_of(b"\x07\x00\x01\x03\x00abc" + little) == worker


@given(st.binary(max_size=60))
def test_any_trailing_bytes_name_a_worker_or_none(trailing: bytes) -> None:
    found = worker_of(trailing)

    assert found is None or len(found.encode()) <= 32


BY_HAND = [known for known in known_types() if known.by_hand.read]


@settings(max_examples=500)
@given(st.sampled_from(BY_HAND), st.data())
def test_what_is_read_by_hand_is_what_construct_reads(
    kind: MessageType, data: st.DataObject
) -> None:
    whole = frame(encode(data.draw(any_of(kind.cls)))).payload
    raw = whole[: data.draw(st.integers(0, len(whole)))]
    raw = data.draw(st.just(raw) | st.binary(max_size=90))

    try:
        reference: Message | None = kind.parse(raw)
    except MalformedMessageError:
        reference = None
    try:
        found: Message | None = kind.read(raw)
    except MalformedMessageError:
        found = None

    assert found == reference


@given(any_of(mining.SubmitSharesSuccess))
def test_what_is_written_by_hand_is_what_construct_writes(message: Message) -> None:
    (kind,) = (known for known in known_types() if known.by_hand.write)

    assert encode(message)[HEADER_BYTES:] == kind.build(message)
