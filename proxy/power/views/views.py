"""What operators are shown of a site's power."""

from typing import Any

from msgspec import Struct

from proxy.power.orders.order import Order


class OrderView(Struct):
    """An order that may still matter."""

    source: str
    seq: int
    watts: float
    not_before: float
    expires: float | None
    lease_s: float | None
    revert_w: float | None
    reason: str


def order_view(order: Order) -> OrderView:
    """Return what is shown of an order."""
    return OrderView(
        order.source,
        order.seq,
        order.watts,
        order.not_before,
        order.expires,
        order.lease_s,
        order.revert_w,
        order.reason,
    )


class SignalView(Struct):
    """A place that orders come from; `silent_s` null: not heard since the start.

    Attributes:
        lease_left_s: Until it lapses; null: it has no lease, or was not heard.
        last_w: What its newest order says.
        last_seq: Of that order.
        is_ruling: It is its word, or its silence, that the budget comes from.
        says: How it stands, in its own words; empty: it has none.
    """

    name: str
    lease_s: float | None
    silent_s: float | None
    has_lapsed: bool
    lease_left_s: float | None = None
    last_w: float | None = None
    last_seq: int | None = None
    is_ruling: bool = False
    says: str = ""


class MeterView(Struct):
    """The site's meter; null where there is none."""

    watts: float | None
    fault: str | None
    lost_s: float


class MachineCounts(Struct):
    """How many machines are how.

    Attributes:
        running: At some level of work.
        unknown: Described by no fleet row.
        unresponsive: Counted at full power, whatever they were told.
        parked_only: Held by parking, of these: without a device API that answers.
        absent: Neither connected nor reachable.
        under_way: Commands that are not over.
        silent: At work, and no share came where 14 were expected.
        hashing_on: Told to stop, and shares still come.
    """

    total: int
    connected: int
    running: int
    unknown: int
    unresponsive: int
    parked_only: int
    absent: int
    under_way: int
    silent: int
    hashing_on: int


class HashView(Struct):
    """A hashrate that shares prove, with the bounds that hold 19 times in 20."""

    hash_hs: float
    low_hs: float
    high_hs: float
    shares: int


class MachineView(Struct):
    """One machine: what it was told, what it says, what its shares prove.

    Attributes:
        held_by: `tuned`, `switched` (both by its device API) or `parked`.
        told_w: Watts of the level that it was told to keep to, by its model.
        power_w: As its device says; null if it does not say.
        debt_h: Hours that it was curtailed for, less those that it was made up for.
        state: The first that is true of `unresponsive`, `absent`, `hashes on` (it was
            told to stop), `silent`, `held` (parked by hand), `under way`, `running`,
            `stopped`.
        hashrate: Over its last 5 to 10 minutes at work.
        api: What its device API is good for: `obeys`, `defies` (its last command had
            no effect: it is parked, and tried again), `reads` (it has no command to
            stop); null without one.
        fault: What its last command met with; empty: it did as it was told.
    """

    machine: str
    worker: str
    model: str
    tenant: str | None
    held_by: str
    told_w: float
    power_w: float | None
    debt_h: float
    state: str
    hashrate: HashView
    api: str | None = None
    fault: str = ""


class AlarmView(Struct):
    """An alarm that stands; `machine` is empty where it is of the whole site."""

    alarm: str
    machine: str
    cause: str
    for_s: float
    figures: dict[str, Any]


class ModelPriceView(Struct):
    """One model of a site's machines, at a price.

    Attributes:
        breakeven: What a MWh may cost where one earns what it costs; null: the
            hashprice is not known.
        is_shed: The price keeps it off.
    """

    model: str
    machines: int
    running: int
    breakeven: float | None
    is_shed: bool


class PriceView(Struct):
    """What a price makes of a site; null: not known.

    Attributes:
        source: The signal.
        price: Of a MWh now.
        adders: What is paid beside it.
        cost: Both.
        hashprice: What a PH/s earns in a day.
        worth: What that is made of, or why it is not known; empty: it is configured.
        until: When the price ends, Unix seconds.
        known_until: Until when prices are known.
        earned_h: What the hashrate that shares prove earns in an hour.
        paid_h: What the site's watts cost in an hour.
        saved_h: What the machines that rest would cost more than they would earn.
        models: The most efficient ahead.
    """

    source: str
    currency: str
    price: float | None
    adders: float
    cost: float | None
    hashprice: float | None
    worth: str
    until: float | None
    known_until: float | None
    earned_h: float | None
    paid_h: float | None
    saved_h: float | None
    models: list[ModelPriceView]


class PowerView(Struct):
    """A site's power: what rules it, what it does, what is proved.

    Attributes:
        orders: Those that stand until cleared, the newest first, then those that end,
            the next first.
        more_orders: Orders beyond those listed.
        strangers: Hashrate of miners that no fleet row describes; the cap is not
            theirs, and `hashrate` is without it.
        price: What a price makes of the site; null: it has no price signal.
        joules_per_terahash: As the meter and the shares have it, over up to 8 min;
            null where little of the site is at work or the meter is not believed.
    """

    site: str
    budget_w: float
    rule: str
    ruled_by: str
    next_change: float | None
    state: str
    state_reason: str
    power_w: float
    power_source: str
    cap_hs: float
    cap: dict[str, Any]
    cap_text: str
    meter: MeterView | None
    orders: list[OrderView]
    signals: list[SignalView]
    machines: MachineCounts
    hashrate: HashView
    tenants: dict[str, HashView]
    strangers: HashView
    joules_per_terahash: float | None
    expected_joules_per_terahash: float | None
    parked_work: float
    unauthorised_work: float
    is_hidden_load: bool
    alarms: list[AlarmView]
    more_orders: int
    price: PriceView | None = None


class StepView(Struct):
    """What a plan does to one machine.

    Attributes:
        breakeven: Of its model, a MWh; null: the site has no price signal.
    """

    machine: str
    worker: str
    model: str
    before_w: float
    after_w: float
    hash_hs: float
    reason: str
    breakeven: float | None = None


class PlanView(Struct):
    """What would be done under a budget, and what it would cost.

    Attributes:
        hash_hs: Change of the hashrate, negative for a loss.
        watts: Change of the machines' watts by the model.
        more: Steps beyond those listed.
        fail_safe_w: What the site falls to where nobody speaks any more.
        resting: Machines that would rest all the same.
        note: Why they would, where nothing changes; empty: something does.
        ruled_by: Why it would be that budget; empty: it was asked for by its watts.
    """

    site: str
    budget_w: float
    cap_hs: float
    watts: float
    hash_hs: float
    steps: list[StepView]
    more: int
    fail_safe_w: float = 0.0
    resting: int = 0
    note: str = ""
    ruled_by: str = ""
