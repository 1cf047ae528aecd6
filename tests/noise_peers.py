"""Both ends of an encrypted conversation, their keys made from small numbers."""

import struct
from hashlib import sha256

from attrs import frozen

from protocol.noise.authority import AuthorityKey, AuthoritySecret
from protocol.noise.certificate import Certificate
from protocol.noise.ellswift import KeyPair, sign
from protocol.noise.handshake import Identity, Initiator, respond
from protocol.sv2.transport import Transport
from protocol.units import UnixTime

NOW = UnixTime(1_750_000_000.0)
FROM, UNTIL = 1_700_000_000, 1_800_000_000


def a_pair(seed: int) -> KeyPair:
    return KeyPair.from_secret(seed.to_bytes(32, "big"), bytes([seed]) * 32)


def an_authority(seed: int = 77) -> AuthoritySecret:
    return AuthoritySecret.from_bytes(seed.to_bytes(32, "big"))


def an_identity(
    authority: AuthoritySecret | None = None,
    valid_from: int = FROM,
    not_valid_after: int = UNTIL,
    version: int = 0,
) -> Identity:
    key = a_pair(3)
    secret = (authority or an_authority()).raw
    head = struct.pack("<HII", version, valid_from, not_valid_after)
    signature = sign(secret, sha256(head + key.xonly).digest(), bytes(32))
    return Identity(key, Certificate(version, valid_from, not_valid_after, signature))


def an_initiator(authority: AuthorityKey | None = None) -> Initiator:
    return Initiator(a_pair(1), authority or an_authority().key)


@frozen
class Ends:
    client: Transport
    server: Transport


def connected(limit: int = 1 << 20) -> Ends:
    initiator = an_initiator()
    second, server = respond(initiator.start(), an_identity(), a_pair(2))
    return Ends(
        Transport(initiator.finish(second, NOW), limit), Transport(server, limit)
    )
