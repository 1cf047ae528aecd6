"""How the demo's share process is configured."""

from pathlib import Path
from typing import Any

import msgspec
from attrs import frozen

from proxy.config import Config
from proxy.demo.hall import contract_of, fleet_rows, kinds_of
from proxy.regtest.node import RegtestNode

SITE = "hall-a"
ADMIN_SOCKET = "admin.sock"
FAIL_SAFE_SHARE = 0.3
RAMP_SHARE = 0.25  # of the contract a second: none waits while all come
SHARE_DIFFICULTY = 2.0**-20
PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
"""The key of this address is published in BIP 173: nobody is paid by accident."""


@frozen
class Ports:
    """TCP ports of the loopback, each of them free."""

    miners: int
    meter: int
    orders: int
    web: int


def demo_config(
    folder: Path, node: RegtestNode, miners: int, ports: Ports, token: str
) -> Config:
    """Return the configuration of a site of `miners` simulated machines."""
    kinds = kinds_of(miners)
    config = {
        "proxy": {
            "name": "demo",
            "state_dir": str(folder / "state"),
            "admin": f"unix:{folder / ADMIN_SOCKET}",
            "web": {
                "listen": f"tcp:{ports.web}:interface=127.0.0.1",
                "token": token,
            },
        },
        "nodes": [_node(node)],
        "sites": [
            {
                "name": SITE,
                "listen": [f"tcp:{ports.miners}:interface=127.0.0.1"],
                "sources": ["regtest"],
                "difficulty": {
                    "start": SHARE_DIFFICULTY,
                    "minimum": SHARE_DIFFICULTY / 4096,
                    "shares_per_minute": 20,
                },
                "power": _power(contract_of(kinds), ports, token),
                "fleet": fleet_rows(kinds),
            }
        ],
    }
    return msgspec.convert(config, Config, dec_hook=_secret)


def _node(node: RegtestNode) -> dict[str, Any]:
    return {
        "name": "regtest",
        "rpc": node.rpc_url,
        "cookie_file": node.cookie_file,
        "zmq_hashblock": node.zmq_url,
        "payout_address": PAYOUT,
    }


def _power(contract: float, ports: Ports, token: str) -> dict[str, Any]:
    """Return what the site may draw, watts, and who says so."""
    return {
        "budget_w": contract,
        "fail_safe_w": FAIL_SAFE_SHARE * contract,
        "ramp_up_w_per_s": RAMP_SHARE * contract,
        "meter": f"modbus://127.0.0.1:{ports.meter}/1",
        "signals": [
            {
                "kind": "http",
                "name": "plant",
                "listen": f"tcp:{ports.orders}:interface=127.0.0.1",
                "token": token,
                "lease_s": 10,
            }
        ],
    }


def _secret(kind: type, value: object) -> object:
    return kind(value)
