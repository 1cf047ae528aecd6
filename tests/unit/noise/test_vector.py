"""A whole handshake whose every byte is known."""

from typing import Any

from protocol.noise.authority import AuthorityKey, AuthoritySecret
from protocol.noise.certificate import Certificate
from protocol.noise.ellswift import KeyPair, xonly_of
from protocol.noise.handshake import Identity, Initiator, respond
from protocol.noise.symmetric import Transcript
from protocol.sv2.codec import common, decode, encode
from protocol.sv2.transport import Transport
from protocol.units import UnixTime
from tests.builders import VECTORS

SECRET = "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n"  # noqa: S105  (of a public test)
PUBLIC = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72"
NOW = UnixTime(1_750_000_000.0)


def recorded(name: str) -> bytes:
    """Return the first hex of the line that begins with `name`."""
    lines: Any = VECTORS["noise"]["raw"]
    line = next(line for line in lines if line.startswith(name + " "))
    words = line[len(name) :].split()
    return bytes.fromhex(next(word for word in words if len(word) > 3))


def server_identity() -> Identity:
    static = KeyPair.from_secret(b"\x31" * 32, b"\x32" * 32)
    secret = AuthoritySecret.from_text(SECRET)
    certificate = Certificate.sign(
        secret, static.xonly, 1_700_000_000, 1_800_000_000, b"\x42" * 32
    )
    return Identity(static, certificate)


def client() -> Initiator:
    ephemeral = KeyPair.from_secret(b"\x11" * 32, b"\x12" * 32)
    return Initiator(ephemeral, AuthorityKey.from_text(PUBLIC))


def server_ephemeral() -> KeyPair:
    return KeyPair.from_secret(b"\x21" * 32, b"\x22" * 32)


def test_the_names_of_the_protocol_hash_as_known() -> None:
    transcript = Transcript()

    assert transcript._chaining_key == recorded("CK0")
    assert transcript.hash == recorded("H0")


def test_keys_encode_as_known() -> None:
    static = server_identity().key

    assert static.point == recorded("r.s_ell")
    assert static.xonly == xonly_of(static.point) == recorded("r.s_xonly")
    assert server_ephemeral().point == recorded("r.e_ell")


def test_shared_secrets_are_as_known_from_both_sides() -> None:
    ours = KeyPair.from_secret(b"\x11" * 32, b"\x12" * 32)
    ephemeral, static = server_ephemeral(), server_identity().key

    assert ours.shared(ephemeral.point, initiates=True) == recorded("ee")
    assert ephemeral.shared(ours.point, initiates=False) == recorded("ee")
    assert ours.shared(static.point, initiates=True) == recorded("es")
    assert static.shared(ours.point, initiates=False) == recorded("es")


def test_the_certificate_is_signed_as_known() -> None:
    assert server_identity().certificate.signature == recorded("sig")


def test_both_messages_are_as_known() -> None:
    initiator = client()

    first = initiator.start()
    second, _ = respond(first, server_identity(), server_ephemeral())

    assert first == recorded("act1")
    assert second == recorded("act2")
    assert len(second) == 234


def test_both_sides_end_with_the_known_transcript() -> None:
    initiator = client()
    second, ours = respond(initiator.start(), server_identity(), server_ephemeral())

    theirs = initiator.finish(second, NOW)

    assert ours.transcript == theirs.transcript == recorded("h_final")
    assert initiator.certificate == server_identity().certificate


def test_the_first_frame_is_sealed_as_known_and_opened_again() -> None:
    initiator = client()
    second, server = respond(initiator.start(), server_identity(), server_ephemeral())
    outgoing = Transport(initiator.finish(second, NOW), 1 << 16)
    plain = recorded("SetupConnection plain")

    sealed = outgoing.seal(plain)
    (frame,) = Transport(server, 1 << 16).receive(sealed)

    assert sealed == recorded("enc")
    message = decode(frame)
    assert isinstance(message, common.SetupConnection)
    assert message.vendor == "Baseload"
    assert encode(message) == plain
