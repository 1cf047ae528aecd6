"""What each signal of a site said last, and how long that holds."""

from protocol.units import Seconds
from proxy.power.orders.budget import Budget, voices_of
from proxy.power.orders.order import Signal, Voice
from proxy.power.site import SiteControl
from proxy.power.views.views import SignalView


def voice_of(site: SiteControl, source: str, now: Seconds) -> Voice | None:
    """Return all that `source` says; None: nothing is known of it."""
    said = tuple(o for o in site.orders.orders if o.source == source)
    signals = tuple(s for s in site.orders.signals(now) if s.name == source)
    return next(iter(voices_of(said, signals)), None)


def lease_left(site: SiteControl, voice: Voice | None) -> float | None:
    """Return the seconds until a voice lapses; None: it has no lease, or is unheard."""
    lapses_at = None if voice is None else voice.lapses_at(site.outbox.at)
    return None if lapses_at is None else max(0.0, lapses_at - site.outbox.at)


def signal_views(site: SiteControl, now: Seconds) -> list[SignalView]:
    """Return every configured signal, and which one rules."""
    return [_view(site, signal, now) for signal in site.orders.signals(now)]


def _view(site: SiteControl, signal: Signal, now: Seconds) -> SignalView:
    voice = voice_of(site, signal.name, now)
    newest = None if voice is None else voice.newest
    return SignalView(
        signal.name,
        signal.lease_s,
        signal.silent_for,
        _has_lapsed(site.budget, signal.name),
        lease_left(site, voice),
        None if newest is None else newest.watts,
        None if newest is None else newest.seq,
        _rules(site.budget, signal.name),
        site.said_of.get(signal.name, ""),
    )


def _has_lapsed(budget: Budget | None, name: str) -> bool:
    return budget is not None and name in budget.lapsed


def _rules(budget: Budget | None, name: str) -> bool:
    if budget is None:
        return False
    if budget.order is not None:
        return budget.order.source == name
    return budget.lapsed[:1] == (name,)
