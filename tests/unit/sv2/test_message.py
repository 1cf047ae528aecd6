"""What does not fit a message, and what is passed over."""

import pytest

from protocol.errors import LocalError, MalformedMessageError
from protocol.sv2.codec import Message, common, decode, encode, mining
from protocol.sv2.frame import Frame, FrameTooLongError, build_frame, read_header
from protocol.sv2.job_declaration import ProvideMissingTransactionsSuccess
from protocol.sv2.tlv import worker_tlv


def test_an_unknown_message_or_extension_is_none() -> None:
    assert decode(Frame(0, False, 0x7E, b"x")) is None
    assert decode(Frame(7, True, 0x1A, b"")) is None


def test_a_share_without_its_channel_bit_is_read() -> None:
    share = mining.SubmitSharesStandard(2, 0, 1, 2, 3, 4)
    payload = encode(share)[6:]

    assert decode(Frame(0, False, 0x1A, payload)) == share


def test_a_channel_message_is_sent_with_its_channel_bit() -> None:
    assert encode(mining.SetTarget(1, 2))[:3] == b"\x00\x80\x21"
    assert encode(common.Reconnect("", 0))[:3] == b"\x00\x00\x04"


def test_a_message_of_an_extension_is_sent_with_its_number() -> None:
    request = common.RequestExtensions(1, (common.WORKER_TRACKING,))

    assert encode(request) == bytes.fromhex("010000060000010001000200")
    assert decode(Frame(1, False, 0, encode(request)[6:])) == request


def test_only_the_lowest_bit_of_a_bool_counts() -> None:
    job = mining.NewExtendedMiningJob(1, 2, None, 3, True, (), b"", b"")
    payload = bytearray(encode(job)[6:])
    payload[13] = 2

    found = decode(Frame(0, True, 0x1F, bytes(payload)))

    assert isinstance(found, mining.NewExtendedMiningJob)
    assert found.version_rolling_allowed is False


def test_an_option_is_there_or_not() -> None:
    payload = bytearray(encode(mining.NewMiningJob(1, 2, 5, 3, bytes(32)))[6:])
    payload[8] = 2

    with pytest.raises(MalformedMessageError):
        decode(Frame(0, True, 0x15, bytes(payload)))


def test_an_extranonce_of_33_bytes_is_malformed() -> None:
    payload = b"\1\0\0\0" + b"\x21" + bytes(33)

    with pytest.raises(MalformedMessageError):
        decode(Frame(0, True, 0x19, payload))
    with pytest.raises(LocalError):
        encode(mining.SetExtranoncePrefix(1, bytes(33)))


def test_text_that_is_not_utf8_is_malformed() -> None:
    with pytest.raises(MalformedMessageError, match="OpenStandardMiningChannel"):
        decode(Frame(0, False, 0x10, b"\0\0\0\0\x01\xff" + bytes(36)))


def test_an_error_in_words_that_are_no_utf8_is_an_error_all_the_same() -> None:
    error = decode(Frame(0, False, 0x12, b"\0\0\0\0\x01\xff"))

    assert error == mining.OpenMiningChannelError(0, "\ufffd")


def test_a_server_of_last_year_says_no_group() -> None:
    opened = mining.OpenExtendedMiningChannelSuccess(1, 2, 3, 8, b"ab", None)

    raw = encode(opened)

    assert decode(Frame(0, False, 0x14, raw[6:])) == opened
    with pytest.raises(MalformedMessageError):
        decode(Frame(0, False, 0x14, raw[6:] + b"\0\0"))


def test_the_name_of_a_worker_is_kept_behind_its_share() -> None:
    share = mining.SubmitSharesExtended(1, 2, 3, 4, 5, 6, b"abcd", worker_tlv("rig7"))

    assert encode(share).endswith(b"\x02\x00\x01\x04\x00rig7")
    assert decode(Frame(0, True, 0x1B, encode(share)[6:])) == share


def test_a_name_too_long_for_a_share_is_our_fault() -> None:
    with pytest.raises(LocalError, match="33 B > 32 B"):
        worker_tlv("x" * 33)


def test_a_transaction_of_more_than_64_kib_fits_and_may_not_be_cut() -> None:
    message = ProvideMissingTransactionsSuccess(1, (b"\x07" * 70_000, b""))
    payload = encode(message)[6:]

    assert decode(Frame(0, False, 0x56, payload)) == message
    for size in (len(payload) - 1, len(payload) - 2, 70_000, 12, 11, 10, 9):
        with pytest.raises(MalformedMessageError):
            decode(Frame(0, False, 0x56, payload[:size]))


def test_a_frame_over_the_limit_is_refused_by_its_header() -> None:
    header = build_frame(0, 5, b"", is_channel=False)[:3] + b"\x01\x00\x01"

    with pytest.raises(FrameTooLongError, match="65537 B > 65536 B"):
        read_header(header, 65536)


def test_a_payload_over_16_mib_cannot_be_framed() -> None:
    with pytest.raises(LocalError):
        build_frame(0, 5, bytes(1 << 24), is_channel=False)


@pytest.mark.parametrize(
    "message",
    [
        mining.SetTarget(1 << 32, 0),
        mining.SetTarget(1, 1 << 256),
        mining.SetTarget(1, -1),
        mining.UpdateChannel(1, 1e300, 0),
        mining.SetNewPrevHash(1, 2, bytes(31), 3, 4),
        mining.SetGroupChannel(1, (1 << 32,)),
        mining.NewExtendedMiningJob(1, 2, None, 3, True, (bytes(31),), b"", b""),
        mining.NewExtendedMiningJob(1, 2, None, 3, True, (), bytes(1 << 16), b""),
        common.Reconnect("x" * 256, 0),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_our_fault(
    message: Message,
) -> None:
    with pytest.raises(LocalError, match="cannot be sent"):
        encode(message)
