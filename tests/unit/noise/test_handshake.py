"""Who is let in, and what a refusal names."""

import pytest

from protocol.errors import LocalError, RemoteError
from protocol.noise.certificate import Certificate, CertificateError
from protocol.noise.cipher import MAX_NONCE, Cipher, DecryptionError
from protocol.noise.ellswift import BadKeyError, KeyPair, xonly_of
from protocol.noise.handshake import Identity, Initiator, respond
from protocol.units import UnixTime
from tests.noise_peers import (
    FROM,
    NOW,
    UNTIL,
    a_pair,
    an_authority,
    an_identity,
    an_initiator,
)


def finish(initiator: Initiator, identity: Identity, now: UnixTime = NOW) -> None:
    second, _ = respond(initiator.start(), identity, a_pair(2))
    initiator.finish(second, now)


def test_a_server_of_another_authority_is_refused_by_name() -> None:
    initiator = an_initiator(an_authority(5).key)
    server = an_identity()

    with pytest.raises(CertificateError) as refused:
        finish(initiator, server)

    assert server.key.xonly.hex() in str(refused.value)
    assert an_authority(5).key.text in str(refused.value)


def test_without_an_authority_anybody_is_taken() -> None:
    initiator = Initiator(a_pair(1), None)

    finish(initiator, an_identity(an_authority(9)))

    assert initiator.certificate is not None


def test_a_lapsed_certificate_is_refused_with_its_time() -> None:
    with pytest.raises(CertificateError, match="lapsed at 2027-01-15 08:00:00 UTC"):
        finish(an_initiator(), an_identity(), UnixTime(UNTIL + 11.0))


def test_a_certificate_of_tomorrow_is_refused_with_its_time() -> None:
    with pytest.raises(CertificateError, match="valid from 2023-11-14 22:13:20 UTC"):
        finish(an_initiator(), an_identity(), UnixTime(FROM - 11.0))


@pytest.mark.parametrize("now", [FROM - 9.0, UNTIL + 9.0])
def test_clocks_may_be_ten_seconds_apart(now: float) -> None:
    finish(an_initiator(), an_identity(), UnixTime(now))


def test_an_unsigned_certificate_out_of_date_is_refused_without_authority() -> None:
    with pytest.raises(CertificateError, match="lapsed"):
        finish(Initiator(a_pair(1), None), an_identity(), UnixTime(UNTIL + 99.0))


@pytest.mark.parametrize("version", [0, 1])
def test_a_certificate_of_a_version_that_is_in_use_is_taken(version: int) -> None:
    initiator = an_initiator()
    finish(initiator, an_identity(version=version))

    assert initiator.certificate is not None
    assert initiator.certificate.version == version


@pytest.mark.parametrize("version", [2, 65535])
def test_a_certificate_of_a_later_version_is_refused_by_its_number(
    version: int,
) -> None:
    with pytest.raises(CertificateError, match=f"version {version}, known are 0 to 1"):
        finish(an_initiator(), an_identity(version=version))


def test_the_version_of_a_certificate_is_signed() -> None:
    found = an_identity()
    raw = b"\x01\x00" + bytes(found.certificate)[2:]
    changed = Identity(found.key, Certificate.from_bytes(raw))

    with pytest.raises(CertificateError, match="not signed by"):
        finish(an_initiator(), changed)


def test_a_certificate_of_another_key_is_refused() -> None:
    stolen = Identity(a_pair(8), an_identity().certificate)

    with pytest.raises(CertificateError, match=a_pair(8).xonly.hex()):
        finish(an_initiator(), stolen)


@pytest.mark.parametrize("at", [0, 63, 64, 143, 144, 233])
def test_an_answer_changed_on_its_way_is_refused(at: int) -> None:
    initiator = an_initiator()
    second = bytearray(respond(initiator.start(), an_identity(), a_pair(2))[0])
    second[at] ^= 1

    with pytest.raises(RemoteError):
        initiator.finish(bytes(second), NOW)


def test_a_handshake_starts_once() -> None:
    initiator = an_initiator()
    initiator.start()

    with pytest.raises(LocalError):
        initiator.start()


def test_an_answer_to_another_handshake_is_refused() -> None:
    other = Initiator(a_pair(6), None)
    second, _ = respond(other.start(), an_identity(), a_pair(2))
    initiator = an_initiator()
    initiator.start()

    with pytest.raises(DecryptionError):
        initiator.finish(second, NOW)


def test_keys_of_the_wrong_length_never_reach_the_library() -> None:
    with pytest.raises(BadKeyError):
        a_pair(1).shared(bytes(63), initiates=True)
    with pytest.raises(BadKeyError):
        xonly_of(bytes(65))
    with pytest.raises(LocalError):
        KeyPair.from_secret(bytes(32), bytes(32))
    with pytest.raises(LocalError):
        KeyPair.from_secret(bytes(31), bytes(32))


def test_a_key_is_used_up_before_its_nonces_repeat() -> None:
    cipher = Cipher(bytes(32))
    cipher._nonce = MAX_NONCE - 1

    cipher.encrypt(b"last")
    with pytest.raises(LocalError, match="used up"):
        cipher.encrypt(b"one too many")


def test_no_nonce_is_used_twice() -> None:
    cipher = Cipher(bytes(32))

    assert len({cipher.encrypt(b"same") for _ in range(100)}) == 100


def test_after_a_failure_nothing_more_is_opened() -> None:
    ours, theirs = Cipher(bytes(32)), Cipher(bytes(32))
    good = ours.encrypt(b"a")

    with pytest.raises(DecryptionError):
        theirs.decrypt(bytes(17))
    with pytest.raises(LocalError):
        theirs.decrypt(good)


def test_no_secret_is_in_what_can_be_printed() -> None:
    secret = an_authority()
    pair = a_pair(200)
    initiator = Initiator(pair, None)
    second, ciphers = respond(initiator.start(), an_identity(), a_pair(201))
    done = initiator.finish(second, NOW)

    text = repr([secret, pair, initiator, ciphers, done, an_identity()])

    for hidden in (secret.raw, (200).to_bytes(32, "big"), (201).to_bytes(32, "big")):
        assert repr(hidden)[2:-1] not in text
        assert hidden.hex() not in text
    assert secret.text not in text
    assert "_chaining_key" not in text
