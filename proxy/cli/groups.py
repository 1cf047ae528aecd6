"""Commands that come in groups: `log`, `order`, `pool`, `power`, `sim`."""

from collections.abc import Callable

from proxy.cli import order
from proxy.cli import power as cli_power
from proxy.cli.cluster import (
    admit_members,
    admit_options,
    leave_options,
    migrate_tables,
)
from proxy.cli.command import Command, Parser, config_option
from proxy.cli.log import disclose, disclose_options, proof, proof_options
from proxy.cli.remote import (
    ask,
    disable_options,
    enable_options,
    prefer_options,
    socket_option,
)
from proxy.cli.simulate import fleet_options, plant_options, sim_fleet, sim_plant

SIMULATORS = (
    Command(
        "fleet",
        "simulated ASICs that really hash",
        sim_fleet,
        fleet_options,
        has_json=False,
    ),
    Command(
        "plant",
        "simulated ASICs with device APIs, and the site's meter",
        sim_plant,
        plant_options,
        has_json=False,
    ),
)
"""What follows `sim`."""


def _power(name: str, about: str, declare: Callable[[Parser], None]) -> Command:
    """Return a command of `power`, which asks the site controller."""

    def options(parser: Parser) -> None:
        socket_option(parser)
        declare(parser)

    return Command(name, about, ask, options, method=f"power.{name}")


POWER = (
    _power("show", "budget, cap, power, and what rules them", cli_power.show_options),
    _power("set", "order a site to keep to a power", cli_power.set_options),
    _power("clear", "take back what operators ordered", cli_power.clear_options),
    _power(
        "forget",
        "count no watts for absent machines that are off",
        cli_power.forget_options,
    ),
    _power("plan", "what a budget would do; nothing is done", cli_power.plan_options),
    _power(
        "machines",
        "each machine: told, drawn, proved by shares",
        cli_power.machines_options,
    ),
    _power("history", "what happened, and why", cli_power.history_options),
)
"""What follows `power`."""

POOL = (
    Command(
        "prefer",
        "mine on a source before all others",
        ask,
        prefer_options,
        method="pool.prefer",
    ),
    Command(
        "disable", "use a source no more", ask, disable_options, method="pool.disable"
    ),
    Command(
        "enable",
        "use a source as the configuration says",
        ask,
        enable_options,
        method="pool.enable",
    ),
)
"""What follows `pool`."""

LOG = (
    Command(
        "show",
        "how far it is signed, who cosigned, what is wrong",
        ask,
        socket_option,
        method="log.status",
    ),
    Command("proof", "prove one row of it to others", proof, proof_options),
    Command(
        "disclose",
        "show one tenant's values, hidden in it, to whom you choose",
        disclose,
        disclose_options,
    ),
    Command(
        "new-generation",
        "begin it anew once its history was broken",
        ask,
        socket_option,
        method="log.new_generation",
    ),
)
"""What follows `log`."""


def _cluster_options(declare: Callable[[Parser], None]) -> Callable[[Parser], None]:
    def options(parser: Parser) -> None:
        socket_option(parser)
        declare(parser)

    return options


CLUSTER = (
    Command(
        "status",
        "members, grants, leader of each site",
        ask,
        _cluster_options(lambda _: None),
        method="cluster.status",
    ),
    Command(
        "leave",
        "forget a member that is known to be off",
        ask,
        _cluster_options(leave_options),
        method="cluster.leave",
    ),
    Command(
        "migrate",
        "make the tables, or bring them to this release",
        migrate_tables,
        config_option,
    ),
    Command(
        "admit",
        "let roles of the database write what is their members'",
        admit_members,
        admit_options,
    ),
)
"""What follows `cluster`."""

ORDER = (
    Command(
        "new", "write a document for parties to sign", order.new, order.new_options
    ),
    Command(
        "send", "hand in a document and signatures", order.send, order.send_options
    ),
    Command("show", "what a document means", order.show, order.show_options),
    Command(
        "pending",
        "what holds by signatures, and what waits for whom",
        order.pending,
        order.pending_options,
        method="power.documents",
    ),
)
"""What follows `order`."""

GROUPS = (
    ("cluster", "several halls under one budget", CLUSTER),
    ("log", "the event log for others to check", LOG),
    ("order", "documents that parties sign: limits, leave to draw more", ORDER),
    ("pool", "sources held by hand: preferred, disabled", POOL),
    ("power", "what a site may draw, and what it does", POWER),
    ("sim", "simulated machines", SIMULATORS),
)
