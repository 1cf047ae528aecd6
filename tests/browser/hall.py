"""A hall of any size, its figures made of a seed: what pages are looked at with."""

import random
from typing import Any

from proxy.web.site_map import STATES
from tests.browser.hall_rows import FULL_HS, FULL_W, MODELS, TENANTS, price

WEIGHTS = (1.5, 86, 1, 8, 1.5, 0.3, 1, 0.2)
CHANGING = 0.02
"""Part of the machines that change each second."""

PER_RACK = 60


class Hall:
    """A site's figures, each second others."""

    def __init__(self, machines: int) -> None:
        self.random = random.Random(15)  # noqa: S311  (the same hall each time)
        self.machines = machines
        self.at = 1_800_000_000
        self.cells = bytearray(self._byte() for _ in range(machines))

    def _byte(self) -> int:
        (state,) = self.random.choices(range(8), WEIGHTS)
        level = min(30, max(0, round(self.random.gauss(20, 1.5)))) if state == 1 else 0
        return state | level << 3

    def tick(self) -> None:
        """Have some machines change."""
        self.at += 1
        most = min(self.machines, max(1, int(self.machines * CHANGING)))
        for at in self.random.sample(range(self.machines), most):
            self.cells[at] = self._byte()

    def mode(self, mode: str) -> bytes:
        """Return a byte a machine of a mode."""
        middle, spread = {"age": (50, 18), "temperature": (71, 6)}.get(mode, (101, 6))
        draw = random.Random(self.at // 10)  # noqa: S311  (a picture)
        return bytes(
            255 if byte & 7 != 1 else min(254, max(0, int(draw.gauss(middle, spread))))
            for byte in self.cells
        )

    def counts(self) -> list[int]:
        """Return how many machines are in which state."""
        return [sum(byte & 7 == state for byte in self.cells) for state in range(8)]

    def roster(self) -> dict[str, Any]:
        """Return the map's columns."""
        each = range(self.machines)
        return {
            "site": "hall-a",
            "gen": 1,
            "states": STATES,
            "more": 0,
            "workers": [f"r{i // PER_RACK + 1:03}.{i % PER_RACK + 1:02}" for i in each],
            "addresses": [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in each],
            "models": [MODELS[i // (PER_RACK * 7) % 3] for i in each],
            "tenants": [TENANTS[i // (PER_RACK * 5) % 4] for i in each],
            "expected_hs": [FULL_HS for _ in each],
            "expected_w": [FULL_W for _ in each],
            "racks": [f"r{i // PER_RACK + 1:03}" for i in each],
            "positions": [f"{i % PER_RACK + 1:02}" for i in each],
            "ids": [i + 1 for i in each],
        }

    def now(self) -> dict[str, Any]:
        """Return the frame of this second."""
        counts = self.counts()
        budget = self.machines * FULL_W * 0.93
        power = budget * (0.985 + self.random.gauss(0, 0.003))
        hashed = counts[1] * FULL_HS * (1 + self.random.gauss(0, 0.004))
        proved = {
            "hash_hs": hashed,
            "low_hs": hashed * 0.975,
            "high_hs": hashed * 1.026,
            "shares": 5400,
        }
        site = {
            "name": "hall-a",
            "budget_w": budget,
            "cap_hs": budget / FULL_W * FULL_HS,
            "power_w": power,
            "power_source": "meter",
            "state": "follow",
            "ruled_by": "order of plant",
            "alarms": [],
            "hashrate_hs": dict.fromkeys(("1m", "5m", "1h", "24h"), hashed),
            "miners": {
                "connected": self.machines - counts[0],
                "active": counts[1],
                "parked": counts[3] + counts[4],
            },
            "shares": {
                "accepted": 8_412_377 + self.at % 1000,
                "rejected": {"stale": 4211, "duplicate": 37, "low_difficulty": 902},
                "lost": {},
            },
            "source": "main",
        }
        rule = {
            "site": "hall-a",
            "budget_w": budget,
            "ruled_by": "order of plant",
            "next_change": self.at + 620,
            "state": "follow",
            "state_reason": "",
            "signals": [
                {"name": "plant", "lease_s": 10, "silent_s": 2, "has_lapsed": False},
                {"name": "grid", "lease_s": 90, "silent_s": None, "has_lapsed": False},
            ],
            "machines": {
                "total": self.machines,
                "unresponsive": counts[5] * 2,
                "hashing_on": counts[5],
                "silent": counts[2],
                "under_way": counts[6],
            },
            "hashrate": proved,
            "tenants": {
                name: {key: value * part for key, value in proved.items()}
                for name, part in zip(TENANTS, (0.5, 0.3, 0.2), strict=False)
            },
            "joules_per_terahash": power / hashed * 1e12 if hashed else None,
            "expected_joules_per_terahash": 17.5,
            "price": price(self.machines, hashed),
            "alarms": [
                {
                    "alarm": "unauthorised_hash",
                    "machine": "r001.07",
                    "cause": "shares came 310 s after it was told to stop",
                    "for_s": 310,
                    "figures": {},
                }
            ],
        }
        return {
            "at": self.at,
            "status": self.status(site),
            "power": {"hall-a": rule},
        }

    def status(self, site: dict[str, Any]) -> dict[str, Any]:
        """Return the whole process at a glance."""
        return {
            "version": "0.1.0",
            "name": "unit-1",
            "state": "running",
            "uptime_s": 912_000,
            "ledger": "ok",
            "sites": [site],
            "pools": [self.pool("main", "up", ""), self.pool("spare", "standby", "")],
            "nodes": [
                {
                    "name": "core",
                    "state": "up",
                    "height": 925_114,
                    "tip": "00" * 9 + "a7" * 23,
                    "chain": "main",
                    "reason": "",
                }
            ],
            "blocks": {"found": 2, "accepted": 2},
            "by_hand": [{"kind": "machine", "name": "r014.*", "how": "parked"}],
        }

    def pool(self, name: str, state: str, reason: str) -> dict[str, Any]:
        """Return a pool and its last hours."""
        hours = [
            {
                "hour": self.at // 3600 * 3600 - 3600 * back,
                "pool": name,
                "forwarded": 61_200 - 31 * back,
                "accepted": 61_180 - 31 * back,
                "pending": 2 if back == 0 else 0,
                "rejected": {"stale": 18},
                "lost": {},
                "work": 3.1e12,
            }
            for back in reversed(range(8))
        ]
        return {
            "name": name,
            "state": state,
            "reason": reason,
            "url": f"stratum+tcp://{name}.pool.example:3333",
            "difficulty": 5.2e7,
            "accepted": 61_180 * 8,
            "rejected": 144,
            "connections": 20,
            "last_job_age_s": 11.0,
            "rejects": {"stale": 144},
            "lost": {"pool_gone": 4},
            "latency": {"p50_s": 0.031, "p99_s": 0.12},
            "switches": 3,
            "certificate_days": 9.5 if name == "spare" else 61.2,
            "hours": hours if state == "up" else [],
            "by_hand": None,
        }
