"""A pool of Stratum V2, asked for a job: handshake, certificate, setup, a channel."""

import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from attrs import define, field

from protocol.bitcoin.target import difficulty_from_target
from protocol.errors import RemoteError
from protocol.noise.authority import AuthorityKey
from protocol.noise.certificate import CertificateError
from protocol.noise.ellswift import SECRET_BYTES, KeyPair
from protocol.noise.handshake import Initiator
from protocol.sv2.client import MAX_PAYLOAD_BYTES
from protocol.sv2.codec import Message, decode, encode
from protocol.sv2.common import (
    VERSION,
    SetupConnection,
    SetupConnectionError,
    SetupFlag,
)
from protocol.sv2.line import ClientLine
from protocol.sv2.mining import (
    NewExtendedMiningJob,
    OpenExtendedMiningChannel,
    OpenExtendedMiningChannelSuccess,
    OpenMiningChannelError,
    SetNewPrevHash,
)
from protocol.units import UnixTime
from proxy.config import PoolConfig
from proxy.doctor.check import Finding, ok, warn
from proxy.doctor.probe import DAYS_LEFT, LEAST_ROOM, SKEW_S, ProbeError, now
from proxy.upstream.address import PoolAddress

DAY_S = 86400.0
EASIEST = (1 << 256) - 1


def ask(  # noqa: PLR0913, PLR0917  (a pool, how it is asked, and what it says)
    config: PoolConfig,
    address: PoolAddress,
    connection: socket.socket,
    within_s: float,
    wall_clock: Callable[[], float],
    tips: dict[str, str],
) -> Iterator[Finding]:
    """Ask a pool for a job; `tips` gets the block that it builds on, as nodes do.

    Raises:
        ProbeError: It gives none.
    """
    name = f"pool {config.name}"
    session = _Session(connection, address.authority, within_s, wall_clock)
    began = now()
    try:
        yield from session.findings(name, address, config)
    except OSError as error:
        why = error.strerror or str(error)
        raise ProbeError(f"it hangs up: {why}", session.remedy) from error
    except CertificateError as error:
        remedy = "put the pool's authority key in its url, or set this clock"
        raise ProbeError(f"its certificate: {error}", remedy) from error
    except RemoteError as error:
        raise ProbeError(f"{session.stage}: {error}", session.remedy) from error
    tips[config.name] = session.tip
    opened = session.opened
    room = 0 if opened is None else opened.extranonce_size
    difficulty = 0.0 if opened is None else difficulty_from_target(opened.target)
    seen = f"a job after {now() - began:.1f} s, at {difficulty:g}; {room} B to roll"
    yield ok(name, seen)


@define(eq=False, repr=False)
class _Session:
    """The conversation, as far as it has come.

    Attributes:
        stage: What is under way.
        remedy: What to do if it ends there.
        opened: The channel.
        tip: The block that its job builds on, as nodes spell it.
    """

    _connection: socket.socket
    _authority: AuthorityKey | None
    _within_s: float
    _wall_clock: Callable[[], float]
    stage: str = field(default="the Noise handshake", init=False)
    remedy: str = field(default="is it a pool of Stratum V2?", init=False)
    opened: OpenExtendedMiningChannelSuccess | None = field(default=None, init=False)
    tip: str = field(default="", init=False)
    _line: ClientLine = field(init=False)

    def __attrs_post_init__(self) -> None:
        ephemeral = KeyPair.from_secret(
            os.urandom(SECRET_BYTES), os.urandom(SECRET_BYTES)
        )
        self._line = ClientLine(
            MAX_PAYLOAD_BYTES,
            Initiator(ephemeral, self._authority),
            UnixTime(self._wall_clock()),
        )

    def findings(
        self, name: str, address: PoolAddress, config: PoolConfig
    ) -> Iterator[Finding]:
        """Yield what is amiss until there is a job; empty if nothing is."""
        self._line.start()
        self._flush()
        incoming = self._messages(_setup(address))
        yield from self._certificate(name, next(incoming))
        self.stage, self.remedy = "the channel", "mend user"
        self._say(_channel(config.user.replace("{worker}", "doctor")))
        jobs = 0
        for message in incoming:
            self._refused(message)
            if isinstance(message, OpenExtendedMiningChannelSuccess):
                self.opened = message
                self.stage, self.remedy = "the job", "look whether the pool is up"
            jobs += isinstance(message, NewExtendedMiningJob)
            if isinstance(message, SetNewPrevHash):
                self.tip = message.prev_hash[::-1].hex()
                yield from self._skew(name, message.min_ntime)
            if self.opened and jobs and self.tip:
                return

    def _messages(self, first: Message) -> Iterator[Message | None]:
        """Yield what comes, None once the handshake is done, until the time is over."""
        until = now() + self._within_s
        is_shaken = False
        while (left := until - now()) > 0:
            self._connection.settimeout(left)
            try:
                data = self._connection.recv(65536)
            except TimeoutError:
                break
            if not data:
                raise ProbeError(f"it hangs up at {self.stage}", self.remedy)
            messages = [decode(frame) for frame in self._line.receive(data)]
            if self._line.is_open and not is_shaken:
                is_shaken = True
                self.stage = "the setup"
                self._say(first)
                yield None
            yield from messages
        seen = f"nothing more within {self._within_s:g} s at {self.stage}"
        raise ProbeError(seen, self.remedy)

    def _certificate(self, name: str, _shaken: object) -> Iterator[Finding]:
        shown = self._line.certificate
        if shown is None:
            return
        days = (shown.not_valid_after - self._wall_clock()) / DAY_S
        if days < DAYS_LEFT and shown.not_valid_after - shown.valid_from > (
            DAYS_LEFT * DAY_S
        ):  # shorter ones are renewed by the hour
            until = datetime.fromtimestamp(shown.not_valid_after, UTC)
            yield warn(name, f"its certificate ends {until:%d %B}", "tell the pool")

    def _refused(self, message: Message | None) -> None:
        match message:
            case SetupConnectionError(error_code=code):
                raise ProbeError(f"it refuses the setup: {code}", "ask the pool")
            case OpenMiningChannelError(error_code=code):
                raise ProbeError(f"it refuses the channel: {code}", "mend user")

    def _skew(self, name: str, ntime: int) -> Iterator[Finding]:
        skew = self._wall_clock() - ntime
        if abs(skew) > SKEW_S:
            seen = f"its job is of {abs(skew):.0f} s {'ago' if skew > 0 else 'ahead'}"
            yield warn(name, seen, "one of the clocks is wrong, or the pool is stuck")

    def _say(self, message: Message) -> None:
        self._line.send([encode(message)])
        self._flush()

    def _flush(self) -> None:
        self._connection.sendall(self._line.outgoing())


def _setup(address: PoolAddress) -> SetupConnection:
    return SetupConnection(
        protocol=0,  # mining
        min_version=VERSION,
        max_version=VERSION,
        flags=SetupFlag.REQUIRES_VERSION_ROLLING,  # as the proxy has it
        endpoint_host=address.host,
        endpoint_port=address.port,
        vendor="baseload",
        hardware_version="",
        firmware="doctor",
        device_id="",
    )


def _channel(user: str) -> OpenExtendedMiningChannel:
    return OpenExtendedMiningChannel(1, user, 1e12, EASIEST, LEAST_ROOM)
