"""What a document means, for people who are about to sign it."""

from datetime import UTC, datetime

from protocol.oversight.document import (
    Allow,
    Clause,
    Document,
    Lift,
    Limit,
    Pause,
    Policy,
    Revoke,
)

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def words(document: Document) -> str:
    """Return what a document says, a sentence or some."""
    what = _what(document)
    reason = "" if isinstance(document, Policy) else document.reason
    return f"{document.site}: {what}" + (f" Reason: {reason}." if reason else "")


def who_signs(clauses: tuple[Clause, ...]) -> str:
    """Return who has to sign: "1 of plant, and 2 of plant, grid, host"."""
    return ", and ".join(f"{c.n} of {', '.join(c.of)}" for c in clauses) or "nobody may"


def power(watts: float) -> str:
    """Return a power without loss: 2 MW, 350 kW, 0 W."""
    for factor, prefix in _PREFIXES:
        if watts >= factor:
            return f"{watts / factor:.12g} {prefix}W"
    return f"{watts:.12g} W"


def _what(document: Document) -> str:
    match document:
        case Limit():
            return f"at most {power(document.watts)} {_times(document)}."
        case Allow():
            return f"up to {power(document.watts)} {_times(document)}."
        case Pause():
            return (
                f"{document.role} need not be present {_times(document)}; meanwhile at"
                f" most {power(document.watts)}."
            )
        case Lift():
            names = ", ".join(name[:8] for name in document.lifts)
            return f"these limits end at once: {names}."
        case Revoke():
            names = ", ".join(document.keys)
            return f"these keys count no more, for ever: {names}."
        case Policy():
            return _policy(document)


def _policy(policy: Policy) -> str:
    parties: dict[str, list[str]] = {}
    for name, key in policy.keys.items():
        parties.setdefault(key.role, []).append(f"{name} ({key.kind})")
    head = (
        f"policy {policy.version}, until {_at(policy.expires)}:"
        f" {power(policy.default_w)} while nothing is allowed, never above"
        f" {power(policy.envelope_w)}."
    )
    lines = [
        head,
        *(f"  {role}: {', '.join(sorted(k))}" for role, k in sorted(parties.items())),
        *(f"  {kind}: {who_signs(c)}" for kind, c in sorted(policy.rules.items())),
        f"  the next policy is in force {_for(policy.delay_s)} after it was taken",
    ]
    return "\n".join(lines)


def _times(document: Limit | Allow | Pause) -> str:
    begin, end = document.not_before, document.expires
    return f"from {_at(begin)} to {_at(end)} ({_for(end - begin)})"


def _at(moment: float) -> str:
    try:
        found = datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):  # beyond what calendars have
        return f"second {moment:.0f}"
    return found.strftime("%Y-%m-%d %H:%M:%S UTC")


def _for(seconds: float) -> str:
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
