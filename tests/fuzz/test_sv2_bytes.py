"""No bytes from a peer raise anything but the protocol's errors."""

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import RemoteError
from protocol.noise.authority import AuthorityKey, AuthorityKeyError
from protocol.noise.certificate import Certificate
from protocol.noise.handshake import SECOND_BYTES, respond
from protocol.sv2.codec import decode, encode
from protocol.sv2.frame import HEADER_BYTES, Frame, frame_of, read_header
from protocol.sv2.message import known_types
from tests.messages import ANY_MESSAGE
from tests.noise_peers import NOW, a_pair, an_identity, an_initiator, connected

TYPES = st.sampled_from([(t.extension, t.number) for t in known_types()]) | st.tuples(
    st.integers(0, 0x7FFF), st.integers(0, 255)
)


@settings(max_examples=1000)
@given(TYPES, st.binary(max_size=200))
def test_a_payload_of_garbage_is_read_or_refused(
    which: tuple[int, int], payload: bytes
) -> None:
    extension, number = which
    try:
        found = decode(Frame(extension, True, number, payload))
    except RemoteError:
        return

    assert found is None or isinstance(encode(found), bytes)


@settings(max_examples=500)
@given(ANY_MESSAGE.map(encode), st.data())
def test_a_damaged_message_is_read_or_refused(raw: bytes, data: st.DataObject) -> None:
    header = read_header(raw[:HEADER_BYTES], 1 << 24)
    payload = bytearray(raw[HEADER_BYTES:])
    for _ in range(data.draw(st.integers(0, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(
            st.integers(0, 255)
        )
    size = data.draw(st.integers(0, len(payload)))
    try:
        decode(frame_of(header, bytes(payload[:size])))
    except RemoteError:
        return


@given(st.binary(min_size=6, max_size=6), st.integers(0, 1 << 24))
def test_any_header_is_read_or_refused(raw: bytes, limit: int) -> None:
    try:
        header = read_header(raw, limit)
    except RemoteError:
        return

    assert header.length <= limit


@given(st.binary(max_size=400))
def test_an_encrypted_stream_of_garbage_is_refused(data: bytes) -> None:
    try:
        frames = list(connected().server.receive(data))
    except RemoteError:
        return

    assert frames == []


@given(st.binary(min_size=64, max_size=64))
def test_any_first_message_is_answered_or_refused(first: bytes) -> None:
    """Every 64 bytes stand for some key: the server cannot tell noise from a peer."""
    try:
        second, _ = respond(first, an_identity(), a_pair(2))
    except RemoteError:
        return

    assert len(second) == SECOND_BYTES


@given(st.data())
def test_any_answer_is_refused(data: st.DataObject) -> None:
    initiator = an_initiator()
    initiator.start()
    answer = data.draw(st.binary(min_size=SECOND_BYTES, max_size=SECOND_BYTES))
    try:
        initiator.finish(answer, NOW)
    except RemoteError:
        return

    raise AssertionError(answer)


@given(st.binary(max_size=80))
def test_any_certificate_is_checked_or_refused(raw: bytes) -> None:
    try:
        Certificate.from_bytes(raw).check(bytes(32), an_initiator().authority, NOW)
    except RemoteError:
        return

    raise AssertionError(raw)


@given(st.text(max_size=80))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        AuthorityKey.from_text(text)
    except AuthorityKeyError:
        return
