"""Halls that strain a page: names as long as may be, and nothing at all."""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from tests.browser.hall import Hall

LONG = "north.container-0007.rack-b.shelf-03.position-12.antminer-s21xp"
"""63 characters; workers of 64 are taken."""

REFUSAL = (
    "Not authorised: the account account.north-container-0007 is suspended until the"
    " payout address has been confirmed by e-mail, see"
    " https://pool.example/help/accounts/suspended?lang=en&reason=payout_address"
    "&reference=7f3c2a90b1d44e0c8a55f1c2d3e4f506: repeated tries are counted and"
    " banned"
)
"""As a pool may refuse: an address in it that cannot be broken at a space."""


class LongNames(Hall):
    """Every name is as long as may be, every reason a paragraph."""

    @override
    def roster(self) -> dict[str, Any]:
        found = super().roster()
        each = range(self.machines)
        return found | {
            "workers": [f"{LONG[:58]}{i:06}" for i in each],
            "models": [f"{name} {LONG}"[:64] for name in found["models"]],
            "tenants": [name and f"{name}-{LONG}"[:64] for name in found["tenants"]],
            "racks": [f"{LONG[:24]}-{rack}" for rack in found["racks"]],
        }

    @override
    def now(self) -> dict[str, Any]:
        found = super().now()
        status, rule = found["status"], found["power"]["hall-a"]
        status["pools"] = [
            self.pool("main", "up", ""),
            self.pool(LONG, "down", REFUSAL) | {"url": f"stratum+ssl://{LONG}:3333"},
        ]
        status["nodes"][0] |= {"name": LONG, "state": "down", "reason": REFUSAL}
        status["sites"][0] |= {"ruled_by": f"order of {LONG}"}
        rule["alarms"] *= 12
        rule["alarms"][0] = rule["alarms"][0] | {"machine": LONG, "cause": REFUSAL}
        rule["signals"][0] |= {"name": LONG}
        rule["tenants"] = {f"{k}-{LONG}"[:64]: v for k, v in rule["tenants"].items()}
        rule |= {"ruled_by": f"order of {LONG}", "state_reason": REFUSAL}
        return found


class Nothing(Hall):
    """Just begun: no machine, no pool, no node, no budget, no share."""

    @override
    def now(self) -> dict[str, Any]:
        found = super().now() | {"power": {}}
        status = found["status"]
        status |= {"pools": [], "nodes": [], "blocks": {"found": 0, "accepted": 0}}
        status["sites"][0] |= {
            "budget_w": None,
            "cap_hs": None,
            "power_w": None,
            "power_source": None,
            "state": None,
            "ruled_by": None,
            "source": None,
            "hashrate_hs": dict.fromkeys(("1m", "5m", "1h", "24h"), 0.0),
            "shares": {"accepted": 0, "rejected": {}, "lost": {}},
        }
        return found


KINDS: Mapping[str, type[Hall]] = {
    "plain": Hall,
    "long": LongNames,
    "nothing": Nothing,
}
