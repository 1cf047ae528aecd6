"""The handshake: who the server is, and a key for each direction.

Pattern NX; `e` and `s` are 64 B of ElligatorSwift, sealed parts have a MAC of 16 B:

| to the server | e                                         | 64 B  |
| to the client | e, ee, s sealed, es, certificate sealed   | 234 B |

Spec: SV2 04, which says 170 B for the second by mistake.
"""

from attrs import define, field, frozen

from protocol.errors import LocalError
from protocol.noise.authority import AuthorityKey
from protocol.noise.certificate import CERTIFICATE_BYTES, Certificate
from protocol.noise.cipher import MAC_BYTES, Cipher
from protocol.noise.ellswift import POINT_BYTES, KeyPair, xonly_of
from protocol.noise.symmetric import Transcript
from protocol.units import UnixTime

FIRST_BYTES = POINT_BYTES
_SEALED_KEY_BYTES = POINT_BYTES + MAC_BYTES
SECOND_BYTES = POINT_BYTES + _SEALED_KEY_BYTES + CERTIFICATE_BYTES + MAC_BYTES


@frozen
class Ciphers:
    """What a finished handshake leaves.

    Attributes:
        outgoing: Seals what we send.
        incoming: Opens what they send.
        transcript: Hash of the handshake, the same at both ends.
    """

    outgoing: Cipher = field(repr=False)
    incoming: Cipher = field(repr=False)
    transcript: bytes


@frozen
class Identity:
    """A server's static key and the certificate for it."""

    key: KeyPair
    certificate: Certificate


@define
class Initiator:
    """The client's side.

    Attributes:
        authority: Who must vouch for the server; None takes anybody.
        certificate: What the server showed; None until it has.
    """

    _ephemeral: KeyPair
    authority: AuthorityKey | None
    certificate: Certificate | None = field(default=None, init=False)
    _transcript: Transcript = field(factory=Transcript, init=False)
    _is_started: bool = field(default=False, init=False)

    def start(self) -> bytes:
        """Return the first message, 64 B.

        Raises:
            LocalError: It has been called before.
        """
        if self._is_started:
            raise LocalError("a handshake starts once")
        self._is_started = True
        self._transcript.mix_hash(self._ephemeral.point)
        self._transcript.mix_hash(b"")  # the empty payload
        return self._ephemeral.point

    def finish(self, second: bytes, now: UnixTime) -> Ciphers:
        """Return the ciphers, from the server's answer of 234 B.

        Raises:
            DecryptionError: The answer is not authentic.
            BadKeyError: Its key is none.
            CertificateError: It is another server, or its certificate is out of date.
            LocalError: `second` has another length.
        """
        if len(second) != SECOND_BYTES:
            raise LocalError(f"answer of {len(second)} B, wanted {SECOND_BYTES}")
        transcript = self._transcript
        theirs, rest = second[:POINT_BYTES], second[POINT_BYTES:]
        transcript.mix_hash(theirs)
        transcript.mix_key(self._ephemeral.shared(theirs, initiates=True))
        static = transcript.open(rest[:_SEALED_KEY_BYTES])
        transcript.mix_key(self._ephemeral.shared(static, initiates=True))
        self.certificate = Certificate.from_bytes(
            transcript.open(rest[_SEALED_KEY_BYTES:])
        )
        self.certificate.check(xonly_of(static), self.authority, now)
        outgoing, incoming = transcript.split()
        return Ciphers(outgoing, incoming, transcript.hash)


def respond(
    first: bytes, identity: Identity, ephemeral: KeyPair
) -> tuple[bytes, Ciphers]:
    """Return the server's answer, 234 B, and the ciphers.

    Args:
        first: The client's message, 64 B.
        identity: Who we are.
        ephemeral: A key for this handshake alone.

    Raises:
        BadKeyError: The client's key is none.
        LocalError: `first` has another length.
    """
    if len(first) != FIRST_BYTES:
        raise LocalError(f"first message of {len(first)} B, wanted {FIRST_BYTES}")
    transcript = Transcript()
    transcript.mix_hash(first)
    # The client's empty payload: mixed in at both ends, though nothing is sent.
    transcript.mix_hash(b"")
    transcript.mix_hash(ephemeral.point)
    transcript.mix_key(ephemeral.shared(first, initiates=False))
    # In NX the server's key goes out sealed: under ee alone, so hidden from a listener
    # but not from whoever connects.
    static = transcript.seal(identity.key.point)
    transcript.mix_key(identity.key.shared(first, initiates=False))
    certificate = transcript.seal(bytes(identity.certificate))
    # The first key of a split is the initiator's: here that is what comes in.
    incoming, outgoing = transcript.split()
    answer = ephemeral.point + static + certificate
    return answer, Ciphers(outgoing, incoming, transcript.hash)
