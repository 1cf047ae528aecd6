"""One verification, from the checkpoint to the report."""

from pathlib import Path

from attrs import field, frozen

from protocol.errors import MalformedMessageError
from protocol.tlog.note import MAX_NOTE_BYTES
from proxy.verifier.folder import CHECKPOINT, LogCopy
from proxy.verifier.order import Order
from proxy.verifier.reading import Reading
from proxy.verifier.report import Findings, Report
from proxy.verifier.signatures import SignedPoint, Trusted, signed_point

MAX_STRANGERS = 20


class UnusableError(Exception):
    """There is nothing to verify, or what was given is no such thing."""


@frozen
class Wanted:
    """What is to be verified, and by what.

    Attributes:
        folder: A copy of a log.
        since: An older checkpoint of it that one kept; None: none.
    """

    folder: Path
    trusted: Trusted = field(factory=Trusted)
    since: Path | None = None


def verify(wanted: Wanted) -> Report:
    """Return what is found.

    Raises:
        UnusableError: There is no log, or `since` is no checkpoint.
    """
    findings = Findings()
    point = _point(wanted.folder / CHECKPOINT, wanted.trusted, findings, CHECKPOINT)
    since = (
        None
        if wanted.since is None
        else _point(wanted.since, wanted.trusted, findings, "the older checkpoint")
    )
    order = Order(findings)
    copy = LogCopy(wanted.folder, point.point.size)
    sizes = [] if since is None else [since.point.size]
    reading = Reading(copy, findings, order.take, roots=dict.fromkeys(sizes, b""))
    is_whole = reading.run()
    if is_whole and reading.edge.root() != point.point.root:
        findings.fault(
            f"the leaves have the root {reading.edge.root().hex()}, not the"
            f" one that was signed, {point.point.root.hex()}"
        )
    if since is not None and is_whole:
        _hold_since(since, point, reading, findings)
    for number, name in enumerate(copy.strangers()):
        if number < MAX_STRANGERS:
            findings.note(f"{name} is no file of this log: nothing vouches for it")
    return _report(point, reading, order, findings)


def _point(path: Path, trusted: Trusted, findings: Findings, what: str) -> SignedPoint:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_NOTE_BYTES + 1)
        return signed_point(raw, trusted, findings, what)
    except OSError as error:
        raise UnusableError(f"{path}: {error.strerror}") from error
    except MalformedMessageError as error:
        raise UnusableError(f"{path}: {error}") from error


def _hold_since(
    since: SignedPoint, point: SignedPoint, reading: Reading, findings: Findings
) -> None:
    old = since.point
    if old.origin != point.point.origin:
        findings.fault(f"the older checkpoint is of another log, {old.origin}")
    elif old.size > point.point.size:
        findings.fault(
            f"the older checkpoint has {old.size} leaves, this log {point.point.size}:"
            " it was set back"
        )
    elif reading.roots[old.size] != old.root:
        findings.fault(
            f"this log does not continue the older checkpoint of {old.size} leaves:"
            " its history was rewritten"
        )


def _report(
    point: SignedPoint, reading: Reading, order: Order, findings: Findings
) -> Report:
    listed = sorted(findings.listed, key=lambda f: f.severity != "finding")
    return Report(
        log=point.point.origin,
        size=point.point.size,
        root=point.point.root.hex(),
        cosigned_by=[key.name for key in point.cosigned_by],
        signed_at=point.at,
        first_at=order.first_at,
        last_at=order.last_at,
        starts=order.starts,
        kinds=dict(sorted(reading.counts.items())),
        findings=listed,
        unlisted=sum(findings.counts.values()) - len(listed),
    )
