"""A utility's server (OpenADR 3.1): whether it knows us, and shows us its events."""

import http.client
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography import x509

from protocol.openadr.dates import DateJudge
from protocol.openadr.objects import read_page, read_token
from protocol.units import Seconds, UnixTime
from proxy.config.power import SignalConfig
from proxy.doctor.check import Finding, fail, ok, warn
from proxy.doctor.probe import DAYS_LEFT
from proxy.regular_file import read_regular
from proxy.runtime.tls import MAX_CA_BYTES, verifying_context

WITHIN_S = 5.0
MAX_BYTES = 1 << 20
MOST_SKEW_S = 2.0
"""As a running proxy takes it for an alarm."""

_OK = 200
_DAY = 86_400.0


def utility(
    site: str, signal: SignalConfig, wall_clock: Callable[[], float]
) -> Iterator[Finding]:
    """Look whether a signal of kind `openadr3` can have its events."""
    name = f"utility of {site}, {signal.source}"
    secret = {"client_id": signal.client_id, "client_secret": signal.client_secret}
    form = urlencode({"grant_type": "client_credentials"} | secret).encode()
    try:
        tls = verifying_context(signal.ca_file)
        if signal.ca_file is not None:
            yield from _authorities(name, signal.ca_file, wall_clock())
        status, _, body = _ask("POST", str(signal.token_url), form, {}, tls)
        if status != _OK:
            remedy = "look at client_id and client_secret"
            yield fail(name, f"no token: status {status}", remedy)
            return
        shown = {"authorization": f"Bearer {read_token(body).access_token}"}
        url = f"{str(signal.url).rstrip('/')}/events?limit=50"
        sent = UnixTime(wall_clock())
        status, date, body = _ask("GET", url, None, shown, tls)
    except (OSError, http.client.HTTPException, ValueError) as error:
        remedy = "look at url, token_url and the way there"
        yield fail(name, f"cannot be asked: {error}", remedy)
        return
    yield _judged(name, (status, date, body), sent, UnixTime(wall_clock()))


def _authorities(name: str, ca_file: Path, at: float) -> Iterator[Finding]:
    """Tell of the authority that ends first, if that is soon.

    Raises:
        OSError, ValueError: There is none in `ca_file`.
    """
    found = x509.load_pem_x509_certificates(read_regular(ca_file, MAX_CA_BYTES))
    ends = min(one.not_valid_after_utc.timestamp() for one in found)
    days = (ends - at) / _DAY
    if days < DAYS_LEFT:
        seen = f"an authority of ca_file ends in {days:.0f} days"
        yield warn(name, seen, "have the utility's next one, and write it there, too")


def _judged(
    name: str, answer: tuple[int, str | None, bytes], sent: UnixTime, heard: UnixTime
) -> Finding:
    status, date, body = answer
    if status != _OK:
        remedy = "have the scopes read_targets and read_ven_objects given to us"
        return fail(name, f"shows no events: status {status}", remedy)
    try:
        count = len(read_page(body))
    except ValueError as error:
        return fail(name, f"no list of events: {error}", "look at url")
    judge = DateJudge(Seconds(float("inf")))
    skew = judge.judge(date, sent, heard, lambda: True).skew_s
    seen = f"shows {count} events"
    if skew is None:
        return ok(name, f"{seen}, says no date: a second look raises")
    if abs(skew) > MOST_SKEW_S:
        remedy = "look at both clocks: intervals are not when both think"
        return warn(name, f"{seen}, its clock is {skew:+.0f} s off", remedy)
    return ok(name, f"{seen}, its clock agrees")


def _ask(
    method: str,
    url: str,
    body: bytes | None,
    headers: dict[str, str],
    tls: ssl.SSLContext,
) -> tuple[int, str | None, bytes]:
    """Return status, date and body; redirects are not followed."""
    found = urlsplit(url)
    connection: Any = http.client.HTTPConnection
    more: dict[str, Any] = {}
    if found.scheme == "https":
        connection = http.client.HTTPSConnection
        more["context"] = tls
    asked = connection(found.hostname, found.port, timeout=WITHIN_S, **more)
    kind = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    path = f"{found.path or '/'}?{found.query}" if found.query else found.path or "/"
    try:
        asked.request(method, path, body, kind | headers)
        answer = asked.getresponse()
        return answer.status, answer.getheader("date"), answer.read(MAX_BYTES)
    finally:
        asked.close()
