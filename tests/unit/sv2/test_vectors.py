"""Frames whose bytes others have agreed on."""

from hashlib import sha256
from typing import Any

import pytest

from protocol.bitcoin.merkle import root_from_branch
from protocol.sv2 import common, mining
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.common import Reconnect, SetupConnection
from protocol.sv2.frame import HEADER_BYTES, Frame, frame_of, read_header
from protocol.sv2.mining import (
    NewExtendedMiningJob,
    NewMiningJob,
    OpenExtendedMiningChannelSuccess,
    SetNewPrevHash,
    SubmitSharesExtended,
    SubmitSharesStandard,
)
from protocol.sv2.template_distribution import NewTemplate
from protocol.sv2.template_distribution import SetNewPrevHash as SetNewTemplate
from tests.builders import VECTORS

FRAMES: dict[str, str] = {**VECTORS["sv2_frames"], **VECTORS["a5_as_sv2"]}

NAMES: dict[str, type[Message]] = {
    "SetupConnection.Success": common.SetupConnectionSuccess,
    "OpenStd": mining.OpenStandardMiningChannel,
    "OpenStdOK": mining.OpenStandardMiningChannelSuccess,
    "OpenExt": mining.OpenExtendedMiningChannel,
    "OpenExtOK": OpenExtendedMiningChannelSuccess,
    "SetTarget": mining.SetTarget,
    "SubStd": SubmitSharesStandard,
    "SubExt": SubmitSharesExtended,
    "SubOK": mining.SubmitSharesSuccess,
    "SubErr": mining.SubmitSharesError,
    "Update": mining.UpdateChannel,
    "Close": mining.CloseChannel,
    "SetExtPfx": mining.SetExtranoncePrefix,
    "SNPH": SetNewPrevHash,
    "NEMJ": NewExtendedMiningJob,
    "SetGroup": mining.SetGroupChannel,
    "Reconnect": Reconnect,
    "SRI NewMiningJob": NewMiningJob,
}


def frame(raw: bytes) -> Frame:
    return frame_of(read_header(raw[:HEADER_BYTES], 1 << 20), raw[HEADER_BYTES:])


def read(name: str) -> Any:
    return decode(frame(bytes.fromhex(FRAMES[name])))


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_is_read_and_built_to_the_byte(name: str) -> None:
    raw = bytes.fromhex(FRAMES[name])

    message = decode(frame(raw))

    assert message is not None
    assert type(message) is NAMES.get(name, type(message))
    assert encode(message) == raw


def test_the_fields_of_a_share_are_where_they_belong() -> None:
    assert read("SubExt") == SubmitSharesExtended(
        channel_id=2,
        sequence_number=0,
        job_id=1,
        nonce=0,
        ntime=0x680BB22B,
        version=0x20000000,
        extranonce=bytes.fromhex("0100000000000000"),
    )


def test_a_hashrate_is_a_float_of_32_bits() -> None:
    assert read("OpenExt").nominal_hash_rate == pytest.approx(1e12, rel=1e-6)
    assert read("Update").nominal_hash_rate == pytest.approx(2.5e14, rel=1e-6)


def test_setup_connection_of_a_bitmain_machine_is_read() -> None:
    payload = bytes.fromhex(
        "02020002000100000007302e302e302e306121074269746d61696e085339692031332e351c"
        "62726169696e732d6f732d323031382d30392d32322d312d6861736810736f6d652d646576"
        "6963652d75756964"
    )
    message = SetupConnection(
        2,
        2,
        2,
        1,
        "0.0.0.0",  # noqa: S104
        8545,
        "Bitmain",
        "S9i 13.5",
        "braiins-os-2018-09-22-1-hash",
        "some-device-uuid",
    )

    assert encode(message) == bytes.fromhex("000000520000") + payload
    assert decode(Frame(0, False, 0, payload)) == message


def test_the_template_provider_vectors_are_read_and_built() -> None:
    template = bytes.fromhex(
        "01000000000000000000000030020000000403012100ffffffff0040075af0750700010000"
        "000c000100000000000000036a012adbc80d00011a6240823de4c8d6aaf826851bdf2b0e8d"
        "5acf7c31e8578cff4c394b5a32bd4e"
    )
    tip = bytes.fromhex(
        "0200000000000000e59a2ef8d4826b89fe637f3b5322c0f167fd2d3dc88ec568a7c2c8ffd8"
        "eb8873973c0e63ffff7f03ffff7f0000000000000000000000000000000000000000000000"
        "000000000000"
    )

    new_template = decode(Frame(0, False, 0x71, template))
    new_tip = decode(Frame(0, False, 0x72, tip))

    assert isinstance(new_template, NewTemplate)
    assert new_template.coinbase_tx_value_remaining == 2100000000000000
    assert new_template.coinbase_tx_locktime == 903387
    assert encode(new_template)[HEADER_BYTES:] == template
    assert isinstance(new_tip, SetNewTemplate)
    assert (new_tip.template_id, new_tip.header_timestamp) == (2, 1661877399)
    assert encode(new_tip)[HEADER_BYTES:] == tip


def test_an_error_of_setup_is_read() -> None:
    payload = bytes.fromhex(
        "000000001970726f746f636f6c2d76657273696f6e2d6d69736d61746368"
    )

    found = decode(Frame(0, False, 2, payload))

    assert found == common.SetupConnectionError(0, "protocol-version-mismatch")


def _header(job: Any, tip: SetNewPrevHash, share: Any, root: bytes) -> bytes:
    number = int.to_bytes
    return b"".join(
        (
            number(share.version, 4, "little"),
            tip.prev_hash,
            root,
            number(share.ntime, 4, "little"),
            number(tip.nbits, 4, "little"),
            number(share.nonce, 4, "little"),
        )
    )


def test_the_frames_of_a_block_lead_to_its_header() -> None:
    opened = read("OpenExtendedMiningChannel.Success")
    job = read("NewExtendedMiningJob (future)")
    tip = read("SetNewPrevHash")
    share = read("SubmitSharesExtended")
    coinbase = b"".join(
        (
            job.coinbase_tx_prefix,
            opened.extranonce_prefix,
            share.extranonce,
            job.coinbase_tx_suffix,
        )
    )
    txid = sha256(sha256(coinbase).digest()).digest()

    header = _header(job, tip, share, root_from_branch(txid, job.merkle_path))

    digest = sha256(sha256(header).digest()).digest()
    assert digest[::-1].hex() == (
        "716d44077406c69e1dbbf5f6167c9a496de1ad0f8415890c557a59af78d1fcf1"
    )


def test_the_standard_channel_of_a_block_leads_to_the_same_header() -> None:
    job = next(m for n, m in _read_all().items() if n.startswith("NewMiningJob for"))
    share = read("SubmitSharesStandard")

    header = _header(job, read("SetNewPrevHash"), share, job.merkle_root)

    digest = sha256(sha256(header).digest()).digest()
    assert digest[::-1].hex().startswith("716d44077406c69e")


def _read_all() -> dict[str, Any]:
    return {name: read(name) for name in FRAMES}
