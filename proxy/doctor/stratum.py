"""A pool, asked as a miner would ask it: subscribed, authorised, given a job.

Of Stratum V1 by a client of its own: what the proxy's client takes for right is not
taken for right here. V2 is in `stratum_v2`.
"""

import hashlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from attrs import define, field
from cryptography import x509

from proxy.config import PoolConfig
from proxy.doctor import stratum_v2
from proxy.doctor.check import Finding, fail, ok, warn
from proxy.doctor.probe import (
    DAYS_LEFT,
    JOB_WITHIN_S,
    LEAST_ROOM,
    SKEW_S,
    ProbeError,
    now,
)
from proxy.runtime.tls import verifying_context
from proxy.upstream.address import PoolAddress, PoolUrlError, read_pool_url

CONNECT_WITHIN_S = 3.0
WITHIN_S = 2 * CONNECT_WITHIN_S + JOB_WITHIN_S
MAX_LINE = 1 << 20
_encode = msgspec.json.encode


def pool(
    config: PoolConfig,
    wall_clock: Callable[[], float],
    patience: float = 1.0,
    tips: dict[str, str] | None = None,
) -> Iterator[Finding]:
    """Ask a pool for a job.

    Args:
        config: Its settings.
        wall_clock: Returns Unix seconds.
        patience: Times as long as it usually takes is waited.
        tips: Gets the block that its job builds on, by its name, as nodes spell it.
    """
    tips = {} if tips is None else tips
    name = f"pool {config.name}"
    try:
        address = read_pool_url(config.url)
        with _connected(address, config, CONNECT_WITHIN_S * patience) as connection:
            yield from _certificate(name, connection)
            if address.sv2:
                yield from stratum_v2.ask(
                    config,
                    address,
                    connection,
                    JOB_WITHIN_S * patience,
                    wall_clock,
                    tips,
                )
                return
            session = _Session(connection, JOB_WITHIN_S * patience)
            session.on_tip = lambda tip: tips.update({config.name: tip})
            yield from _asked(name, config, session, wall_clock)
    except PoolUrlError as error:
        yield fail(name, str(error), "mend its url")
    except ProbeError as error:
        yield fail(name, str(error), error.remedy)


def _connected(
    address: PoolAddress, config: PoolConfig, within_s: float
) -> socket.socket:
    where = f"{address.host}:{address.port}"
    try:
        plain = socket.create_connection((address.host, address.port), within_s)
    except socket.gaierror as error:
        seen = f"no address is known of {address.host!r}: {error.strerror}"
        raise ProbeError(seen, "mend the host in its url, or DNS") from error
    except OSError as error:
        why = "no answer" if isinstance(error, TimeoutError) else error.strerror
        raise ProbeError(
            f"{where} cannot be reached: {why or error}", "look at port and firewall"
        ) from error
    if not address.tls:
        return plain
    context = verifying_context(config.ca_file)
    if config.fingerprint is not None:  # it is the one certificate: names do not count
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        secured = context.wrap_socket(plain, server_hostname=address.host)
    except (OSError, ValueError) as error:
        plain.close()
        seen = f"{where} has no certificate that is trusted: {error}"
        raise ProbeError(seen, "set ca_file or fingerprint, or mend its url") from error
    _require_pin(secured, config)
    return secured


def _require_pin(connection: ssl.SSLSocket, config: PoolConfig) -> None:
    if config.fingerprint is None:
        return
    shown = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
    if shown != config.fingerprint.replace(":", "").lower():
        connection.close()
        raise ProbeError(
            f"its certificate is {shown}", "set fingerprint, if it is theirs"
        )


def _certificate(name: str, connection: socket.socket) -> Iterator[Finding]:
    if not isinstance(connection, ssl.SSLSocket):
        return
    shown = connection.getpeercert(binary_form=True) or b""
    end = x509.load_der_x509_certificate(shown).not_valid_after_utc
    days = (end - datetime.now(UTC)).days
    if days < DAYS_LEFT:
        yield warn(name, f"its certificate ends in {days} days", "tell the pool")


@define(eq=False, repr=False)
class _Session:
    """What a pool says, line by line, until a moment."""

    _connection: socket.socket
    within_s: float
    _until: float = field(init=False)
    _left: bytes = b""
    difficulty: float | None = None
    on_tip: Callable[[str], object] = lambda _: None

    def __attrs_post_init__(self) -> None:
        self._until = now() + self.within_s

    def ask(self, number: int, method: str, *params: object) -> None:
        """Send a request."""
        request = {"id": number, "method": method, "params": params}
        self._connection.sendall(_encode(request) + b"\n")

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what comes, until the pool is late or hangs up."""
        while (left := self._until - now()) > 0:
            self._connection.settimeout(left)
            with suppress(TimeoutError):
                data = self._connection.recv(65536)
                if not data:
                    raise ProbeError("it hangs up", "look at user and password")
                yield from self._lines(data)
                if len(self._left) > MAX_LINE:
                    raise ProbeError(
                        f"a line of more than {MAX_LINE} B", "is it a pool?"
                    )

    def _lines(self, data: bytes) -> Iterator[dict[str, Any]]:
        *lines, self._left = (self._left + data).split(b"\n")
        for line in filter(None, map(bytes.strip, lines)):
            try:
                message = msgspec.json.decode(line, type=dict)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise ProbeError(
                    "what it says is no Stratum", "mend its url"
                ) from error
            yield message


def _asked(
    name: str,
    config: PoolConfig,
    session: _Session,
    wall_clock: Callable[[], float],
) -> Iterator[Finding]:
    began = now()
    user = config.user.replace("{worker}", "doctor")
    room: int | None = None
    try:
        session.ask(1, "mining.subscribe", "baseload-doctor")
        for message in session.messages():
            if message.get("id") == 1:
                room = _room(message)
                session.ask(2, "mining.authorize", user, str(config.password))
            elif message.get("id") == 2 and message.get("result") is not True:  # noqa: PLR2004
                why = message.get("error") or message.get("result")
                raise ProbeError(f"it refuses {user!r}: {why}", "mend user or password")
            elif message.get("method") == "mining.set_difficulty":
                session.difficulty = _first_number(message)
            elif message.get("method") == "mining.notify" and room is not None:
                yield from _job(name, message, wall_clock)
                session.on_tip(_tip(message))
                yield ok(name, _told(session, room, now() - began))
                return
    except OSError as error:
        raise ProbeError(
            f"it hangs up: {error.strerror or error}", "ask the pool"
        ) from error
    seen = f"{user!r} is given no job within {session.within_s:g} s"
    raise ProbeError(seen, "look at the user, and whether the pool is up")


def _told(session: _Session, room: int, after: float) -> str:
    difficulty = "" if session.difficulty is None else f", at {session.difficulty:g}"
    return f"a job after {after:.1f} s{difficulty}; extranonce2 of {room} B"


def _room(message: dict[str, Any]) -> int:
    result = message.get("result")
    has_size = isinstance(result, list) and len(result) >= 3  # noqa: PLR2004
    size = result[2] if isinstance(result, list) and has_size else None
    if not isinstance(size, int):
        seen = f"it refuses to be subscribed to: {message.get('error') or result}"
        raise ProbeError(seen, "is it a Stratum V1 pool?")
    if size < LEAST_ROOM:
        seen = f"it leaves {size} B of extranonce2"
        raise ProbeError(seen, f"ask for another port: {LEAST_ROOM} B are needed")
    return size


def _first_number(message: dict[str, Any]) -> float | None:
    params = message.get("params")
    if isinstance(params, list) and params and isinstance(params[0], int | float):
        return float(params[0])
    return None


def _job(
    name: str, message: dict[str, Any], wall_clock: Callable[[], float]
) -> Iterator[Finding]:
    try:
        skew = wall_clock() - int(message["params"][7], 16)
    except (LookupError, TypeError, ValueError) as error:
        raise ProbeError(
            "its job cannot be read", "is it a Stratum V1 pool?"
        ) from error
    if abs(skew) > SKEW_S:
        seen = f"its job is of {abs(skew):.0f} s {'ago' if skew > 0 else 'ahead'}"
        yield warn(name, seen, "one of the clocks is wrong, or the pool is stuck")


def _tip(message: dict[str, Any]) -> str:
    """Return the block that a job builds on, as nodes spell it.

    Stratum V1 has the hash in eight words, the last of the number first.
    """
    text = str(message["params"][1])
    return "".join(text[at : at + 8] for at in range(56, -1, -8)).lower()
