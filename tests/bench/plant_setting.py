"""What a plant in real time is made of: its options, and the proxy's config."""

import math
from typing import Any

from attrs import field, frozen

from proxy.sim.nonce_search import DEFAULT_HASH_SCALE
from tests.support import free_port

SITE = "hall-a"
PAYOUT = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
KINDS = (
    ("Antminer S19j Pro", 3),
    ("Antminer S21", 3),
    ("Whatsminer M50S", 2),
    ("Antminer S19 Pro", 2),
)
HASH_SCALE = DEFAULT_HASH_SCALE / 10  # a thousand machines on part of a core
FULL_W = 3600.0
"""More than what a machine of these kinds draws with what cools it, on the mean."""


@frozen
class Ports:
    """Where the processes of a run find each other.

    Attributes:
        probe: Of a second site, without a budget.
    """

    miners: int = field(factory=free_port)
    meter: int = field(factory=free_port)
    probe: int = field(factory=free_port)


@frozen
class Setting:
    """What a run is made of.

    Attributes:
        with_api: Kinds whose device API is used; the others are only parked.
        sim: More options of `baseload sim plant`.
    """

    machines: int
    with_api: tuple[str, ...] = tuple(name for name, _ in KINDS)
    ramp_up: float = math.inf
    first_address: str = "127.61.0.1"
    sim: tuple[str, ...] = ()

    @property
    def envelope_w(self) -> float:
        """The contract of the site."""
        return FULL_W * self.machines


def node_options() -> tuple[str, ...]:
    """Return the options of `baseload regtest`."""
    ports = ("--rpc-port", "0", "--zmq-port", "0")
    return (*ports, "--block-every", "30", "--json")


def plant_options(setting: Setting, ports: Ports) -> list[str]:
    """Return the options of `baseload sim plant`."""
    kinds = [f"--kind={name}={share}" for name, share in KINDS]
    return [
        *kinds,
        *("--machines", str(setting.machines)),
        *("--url", f"stratum+tcp://127.0.0.1:{ports.miners}"),
        *("--first-address", setting.first_address),
        *("--meter", f"127.0.0.1:{ports.meter}", "--hash-scale", repr(HASH_SCALE)),
        *("--every", "1", "--json", "--seed", "7"),
        *setting.sim,
    ]


def config(setting: Setting, node: dict[str, Any], ports: Ports) -> str:
    """Return the config of `baseload run`.

    Args:
        node: What `baseload regtest` says of itself.
    """
    ramp = min(setting.ramp_up, 1e9)
    site = f"""
[proxy]
state_dir = "state"
admin = "unix:admin.sock"
[[nodes]]
name = "core"
rpc = "{node["rpc"]}"
cookie_file = "{node["cookie_file"]}"
zmq_hashblock = "{node["zmq_hashblock"]}"
payout_address = "{PAYOUT}"
network = "regtest"
[[sites]]
name = "{SITE}"
listen = ["tcp:{ports.miners}:interface=127.0.0.1"]
sources = ["core"]
[sites.difficulty]
start = 1e-7
minimum = 1e-9
shares_per_minute = 6
[sites.power]
budget_w = {setting.envelope_w}
fail_safe_w = {0.1 * setting.envelope_w}
ramp_up_w_per_s = {ramp}
meter = "modbus://127.0.0.1:{ports.meter}/1"
own_pools = ["127.0.0.1:{ports.miners}"]
"""
    rows = [
        f"""
[[sites.fleet]]
workers = "rack-a-{n}.*"
model = "{name}"
control = "{"pyasic" if name in setting.with_api else "stratum"}"
hash_scale = {HASH_SCALE!r}
"""
        for n, (name, _) in enumerate(KINDS, 1)
    ]
    return site + "".join(rows) + _probed(ports.probe)


def _probed(port: int) -> str:
    """A site whose miners are never parked."""
    return f"""
[[sites]]
name = "probed"
listen = ["tcp:{port}:interface=127.0.0.1"]
sources = ["core"]
[sites.difficulty]
start = 1e-9
minimum = 1e-9
shares_per_minute = 0
"""
