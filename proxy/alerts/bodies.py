"""Notices as receivers read them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from hashlib import sha256
from typing import Any

from protocol.units import UnixTime
from proxy.alerts.alarm import Alarm, Severity
from proxy.alerts.delivery import Notice

_CHANGED = {"begins": "", "worse": "worse: ", "still": "still: ", "cleared": "over: "}

_PRIORITY = {Severity.INFO: "3", Severity.WARNING: "4", Severity.CRITICAL: "5"}
"""Of ntfy: 3 is its default, 5 rings until it is looked at."""


def sentence(notice: Notice) -> str:
    """Return one alarm as a line for people."""
    alarm = notice.alarm
    where = f"{alarm.site}: " if alarm.site else ""
    names = ", ".join(alarm.names)
    more = alarm.count - len(alarm.names)
    of = f" ({names}{f' and {more} more' if more else ''})" if names else ""
    span = f"since {_when(alarm.since)}"
    if alarm.ended is not None:
        span = f"{_when(alarm.since)} to {_when(alarm.ended)}"
    change = _CHANGED[notice.change]
    return f"{alarm.severity.upper()} {change}{where}{alarm.text}{of}, {span}"


def title(proxy: str, notices: Sequence[Notice]) -> str:
    """Return what a message is about, in ASCII: mail and HTTP headers take no more."""
    firing = [n for n in notices if n.change != "cleared"]
    if not firing:
        return f"{proxy}: {len(notices)} over"
    worst = max(n.alarm.level for n in firing).word
    kinds = sorted({n.alarm.kind for n in firing})
    shown = ", ".join(kinds[:3]) + (", ..." if len(kinds) > 3 else "")  # noqa: PLR2004
    return f"{proxy}: {worst}: {shown}"


def text(notices: Sequence[Notice]) -> str:
    """Return all of a message, the worst first."""
    ranked = sorted(notices, key=lambda n: (n.change == "cleared", -n.alarm.level))
    return "".join(f"{sentence(notice)}\n" for notice in ranked)


def alertmanager(
    proxy: str, notices: Sequence[Notice], until: UnixTime
) -> list[dict[str, Any]]:
    """Return the body of Alertmanager's `POST /api/v2/alerts`.

    Args:
        proxy: What the process is called.
        notices: All that it shall know.
        until: When it is to take an alarm for over that is not sent again.
    """
    return [_alert(proxy, notice.alarm, until) for notice in notices]


def webhook(proxy: str, receiver: str, notices: Sequence[Notice]) -> dict[str, Any]:
    """Return what Alertmanager's webhooks have (version 4)."""
    alerts = [_webhook_alert(proxy, notice) for notice in notices]
    is_firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": f'{{}}:{{instance="{proxy}"}}',
        "truncatedAlerts": 0,
        "status": "firing" if is_firing else "resolved",
        "receiver": receiver,
        "groupLabels": {"instance": proxy},
        "commonLabels": {"instance": proxy},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": alerts,
    }


def ntfy_headers(proxy: str, notices: Sequence[Notice]) -> dict[str, str]:
    """Return the headers of a message to ntfy; its body is `text`."""
    firing = [n.alarm.level for n in notices if n.change != "cleared"]
    tags = "rotating_light" if firing else "white_check_mark"
    priority = _PRIORITY[max(firing, default=Severity.INFO)]
    return {"Title": title(proxy, notices), "Priority": priority, "Tags": tags}


def mail(
    proxy: str, sender: str, to: Sequence[str], notices: Sequence[Notice], at: UnixTime
) -> bytes:
    """Return a message (RFC 5322)."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = title(proxy, notices)
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = make_msgid(domain="baseload.invalid")
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office reply: RFC 3834
    message.set_content(text(notices))
    return bytes(message)


def _alert(proxy: str, alarm: Alarm, until: UnixTime) -> dict[str, Any]:
    ends = until if alarm.ended is None else alarm.ended
    return {
        "labels": _labels(proxy, alarm),
        "annotations": _annotations(alarm),
        "startsAt": _rfc3339(alarm.since),
        "endsAt": _rfc3339(ends),
    }


def _webhook_alert(proxy: str, notice: Notice) -> dict[str, Any]:
    alarm, labels = notice.alarm, _labels(proxy, notice.alarm)
    is_over = alarm.ended is not None
    ends = "0001-01-01T00:00:00Z" if alarm.ended is None else _rfc3339(alarm.ended)
    told = "\0".join(f"{name}\0{labels[name]}" for name in sorted(labels))
    return {
        "status": "resolved" if is_over else "firing",
        "labels": labels,
        "annotations": _annotations(alarm),
        "startsAt": _rfc3339(alarm.since),
        "endsAt": ends,
        "generatorURL": "",
        "fingerprint": sha256(told.encode()).hexdigest()[:16],
    }


def _labels(proxy: str, alarm: Alarm) -> dict[str, str]:
    """Return what tells an alarm from others: it must not change while it stands.

    The severity may be here, since each kind has one.
    """
    labels = {"alertname": alarm.kind, "instance": proxy, "severity": alarm.severity}
    return labels | ({"site": alarm.site} if alarm.site else {})


def _annotations(alarm: Alarm) -> dict[str, str]:
    found = {"summary": alarm.text}
    if alarm.names:
        found |= {"names": ", ".join(alarm.names), "count": str(alarm.count)}
    return found


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
