"""Which models of machines run at a price: a function of the moment, with a memory.

A model runs while a MWh costs no more than it earns with it (`breakeven`). Against
flapping it comes back only when that is cheaper by `hysteresis`, and is left on or off
for a while at least. Where nobody says a price, the last decision stays.
"""

from collections.abc import Sequence
from math import inf
from typing import Literal

from attrs import define, field, frozen

from protocol.units import Seconds
from proxy.power.orders.market import ModelGroup, breakeven

LEAST = Seconds(900.0)
"""A quarter of an hour, for which a price holds."""

NEVER = Seconds(-inf)

OnMissing = Literal["hold", "shed", "run"]
Negative = Literal["run", "shed"]


@frozen
class PricePolicy:
    """How a site follows prices.

    Attributes:
        hysteresis: Part of its breakeven that a price has to be below for a model to
            come back.
        min_on_s: A model that came back stays for so long at least, whatever the price.
        min_off_s: One that was shed likewise.
        on_missing: What holds where nobody says a price.
        negative: `shed`: at a price below 0 nothing runs.
    """

    hysteresis: float = 0.05
    min_on_s: Seconds = LEAST
    min_off_s: Seconds = LEAST
    on_missing: OnMissing = "hold"
    negative: Negative = "run"


@define
class _Model:
    """How one model is held, and since when."""

    is_on: bool
    changed_at: Seconds | None = None  # None: since before we looked


@define
class PriceDecision:
    """Decides for each model, and remembers.

    Attributes:
        rest_until: No model comes back before: after a restart, which forgets when
            each was shed.
    """

    policy: PricePolicy
    rest_until: Seconds = NEVER
    _models: dict[str, _Model] = field(factory=dict, init=False)

    @property
    def has_decided(self) -> bool:
        """A price was known once, or the operator chose what holds without one."""
        return bool(self._models)

    def decide(
        self,
        groups: Sequence[ModelGroup],
        price: float | None,
        adders: float,
        hashprice: float | None,
        now: Seconds,
    ) -> frozenset[str] | None:
        """Return the models that run; None: what was said last stays as it is.

        Args:
            groups: The site's machines.
            price: Of a MWh; None: nobody says.
            adders: What is paid beside it.
            hashprice: Of a PH/s for a day; None: not known.
            now: Of the monotonic clock.
        """
        for gone in self._models.keys() - {group.model for group in groups}:
            del self._models[gone]
        if price is None or hashprice is None:
            return self._without_price(groups, now)
        for group in groups:
            self._look(group, price, adders, hashprice, now)
        return self._running()

    def _without_price(
        self, groups: Sequence[ModelGroup], now: Seconds
    ) -> frozenset[str] | None:
        if self.policy.on_missing == "hold":
            return None
        # The operator chose: neither waits for the least times.
        is_on = self.policy.on_missing == "run"
        for group in groups:
            self._turn(group.model, now, is_on=is_on)
        return self._running()

    def _look(
        self,
        group: ModelGroup,
        price: float,
        adders: float,
        hashprice: float,
        now: Seconds,
    ) -> None:
        worth = breakeven(group.hash_hs, group.watts, hashprice)
        cost = price + adders
        is_shed = price < 0 and self.policy.negative == "shed"
        known = self._models.get(group.model)
        was_on = known is None or known.is_on
        # What was never looked at has nothing to come back from, but for a restart.
        margin = 0.0 if was_on else self.policy.hysteresis * worth
        is_on = cost <= worth - margin and not is_shed
        if known is None:
            is_on = is_on and now >= self.rest_until
            self._models[group.model] = _Model(is_on)
            return
        if is_on != known.is_on and self._may_change(known, now):
            self._turn(group.model, now, is_on=is_on)

    def _may_change(self, known: _Model, now: Seconds) -> bool:
        if not known.is_on and now < self.rest_until:
            return False
        least = self.policy.min_on_s if known.is_on else self.policy.min_off_s
        return known.changed_at is None or now - known.changed_at >= least

    def _turn(self, model: str, now: Seconds, *, is_on: bool) -> None:
        known = self._models.get(model)
        if known is None or known.is_on != is_on:
            self._models[model] = _Model(is_on, now)

    def _running(self) -> frozenset[str]:
        return frozenset(name for name, model in self._models.items() if model.is_on)
