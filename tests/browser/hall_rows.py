"""What a hall answers beside its frames: events, pasts, sums, one machine, prices."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.browser.hall import Hall

MODELS = ("Antminer S21", "Whatsminer M60S", "Avalon A1566")
TENANTS = ("northwind", "acme", "solheim", "")
FULL_W, FULL_HS = 3500.0, 2e14


def price(machines: int, hashed: float) -> dict[str, Any]:
    """Return what a price makes of the hall."""
    models = [
        {
            "model": model,
            "machines": machines // 3,
            "running": 0 if nth == len(MODELS) - 1 else machines // 3,
            "breakeven": 118.2 - 21.4 * nth,
            "is_shed": nth == len(MODELS) - 1,
        }
        for nth, model in enumerate(MODELS)
    ]
    return {
        "source": "day_ahead",
        "currency": "EUR",
        "price": 84.15,
        "adders": 6.5,
        "cost": 90.65,
        "hashprice": 47.3,
        "until": 1_800_002_700,
        "known_until": 1_800_086_400,
        "earned_h": hashed / 1e15 * 47.3 / 24,
        "paid_h": machines * FULL_W * 90.65 / 1e6,
        "saved_h": machines * 0.011,
        "models": models,
    }


EVENTS = (
    ("power", {"text": "order of plant", "watts": 65.1e6}),
    ("alarm", {"level": "warn", "text": "r001.07 hashes though it was told to stop"}),
    ("action", {"what": "park", "who": "ops", "machines": "r014.*"}),
    ("pool", {"pool": "main", "state": "up", "reason": ""}),
    ("block", {"worker": "r003.12", "height": 925_113, "verdict": "accepted"}),
)


def site_past(hall: "Hall") -> dict[str, float]:
    """Return the figures of a site's past, by column."""
    site = hall.now()["status"]["sites"][0]
    hashes = site["hashrate_hs"]["1m"]
    return {
        "power_w": site["power_w"],
        "budget_w": site["budget_w"],
        "cap_hs": site["cap_hs"],
        "hashrate_hs": hashes,
        "hashrate_low_hs": hashes * 0.975,
        "hashrate_high_hs": hashes * 1.026,
    }


POOL_PAST = {
    "accepted": 60.0,
    "rejected": 0.02,
    "lost": 0.001,
    "latency_s": 0.031,
    "slowest_s": 0.12,
}
MINER_PAST = {"accepted": 18.0, "rejected": 0.01, "hashrate_hs": 1.98e14}


def tenants(hall: "Hall") -> dict[str, Any]:
    """Return sums of tenants."""
    rows = [
        {
            "tenant": name,
            "site": "hall-a",
            "hours": 720.0,
            "accepted": 8_000_000,
            "rejected": 4000,
            "work": 3.1e15,
            "hashrate_hs": hall.machines * FULL_HS / 4,
            "wh": hall.machines * FULL_W * 720 / 4,
            "curtailed_wh": hall.machines * FULL_W * 41 / 4,
            "machine_s_down": 1.1e6,
            "machine_wh": hall.machines * FULL_W * 700 / 4,
            "seen": 1.0,
            "metered": 0.998,
            "joules_per_terahash": 17.6,
        }
        for name in TENANTS
    ]
    return {"from": hall.at - 2_592_000, "to": hall.at, "tenants": rows}


def miners(hall: "Hall") -> dict[str, Any]:
    """Return one miner as a page."""
    rates = {"1m": 2.02e14, "5m": 1.99e14, "1h": 2.0e14, "24h": 1.97e14}
    miner = {
        "id": 7,
        "worker": "r001.07",
        "address": "10.0.0.6",
        "protocol": "sv2",
        "user_agent": "bmminer/2.0.0",
        "state": "active",
        "source": "main",
        "difficulty": 262_144.0,
        "hashrate_hs": rates,
        "accepted": 41_220,
        "rejected": {"stale": 18, "low_difficulty": 2},
        "connected_s": 91_000.0,
        "last_share_s": 4.0,
        "stale_parked": 0,
    }
    return {"miners": [miner], "page": 0, "pages": 1, "total": hall.machines}


def machines() -> dict[str, Any]:
    """Return one machine as a page."""
    proved = {"hash_hs": 2e14, "low_hs": 1.9e14, "high_hs": 2.1e14, "shares": 140}
    machine = {
        "machine": "r001.07",
        "worker": "r001.07",
        "model": MODELS[0],
        "tenant": "northwind",
        "held_by": "tuned",
        "told_w": FULL_W,
        "power_w": 3476.0,
        "debt_h": 1.25,
        "state": "running",
        "hashrate": proved,
        "api": "obeys",
        "fault": "",
    }
    return {"machines": [machine]}
