"""What the controller reaches the world through, as its ports."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from attrs import define, field, frozen

from protocol.units import Watts
from proxy.config import NodeConfig, PowerConfig, SiteConfig
from proxy.devices.control import PyasicDevices
from proxy.devices.library import load_factory
from proxy.devices.login import LoginOf
from proxy.devices.slot_audit import foreign_pools
from proxy.node.params import node_params
from proxy.node.rewards import NodeRewards
from proxy.node.rpc import make_rpc_client
from proxy.power.actuation.polls import Foreign
from proxy.power.control.wall_clock import SteadyClock
from proxy.power.ports import (
    NO_LOGIN,
    DeviceControl,
    DeviceError,
    DeviceReport,
    Login,
    MeterSource,
    Relay,
    SignalSource,
)
from proxy.signals.build import meter_of, relay_of, signals_of, trip_contact_of


class NoDevices:
    """Devices of a site none of whose machines has an API to be used."""

    async def sleep(self, address: str) -> bool:
        """See `DeviceControl`."""
        raise DeviceError(f"{address}: no device API is used here")

    async def wake(self, address: str) -> bool:
        """See `DeviceControl`."""
        return await self.sleep(address)

    async def limit(self, address: str, _: Watts) -> bool:
        """See `DeviceControl`."""
        return await self.sleep(address)

    async def read(self, address: str) -> DeviceReport:
        """See `DeviceControl`."""
        raise DeviceError(f"{address}: no device API is used here")


def nothing_foreign(_: tuple[str, ...]) -> tuple[str, ...]:
    """Return no pool slot: nobody said which are ours."""
    return ()


def nothing_learned(_: LoginOf) -> None:
    """Take no logins: no device asks for one."""


@frozen(eq=False)
class SiteAdapters:
    """The surroundings of one site.

    Attributes:
        meter: None: there is none, the model has to do.
        relay: None: there is none.
        foreign: Tells which of a device's pool slots lead elsewhere.
        learn_logins: Takes what says which login the site's devices are shown, from
            then on and instead of what it took before.
    """

    devices: DeviceControl = field(factory=NoDevices)
    meter: MeterSource | None = None
    signals: Sequence[SignalSource] = ()
    relay: Relay | None = None
    foreign: Foreign = nothing_foreign
    learn_logins: Callable[[LoginOf], None] = nothing_learned


AdaptersOf = Callable[[SiteConfig, Sequence[NodeConfig]], SiteAdapters]
"""Of a site, and of the node that it may ask what a block earns."""


@define(eq=False, repr=False)
class AdapterMaker:
    """Opens the surroundings that the configuration of a site describes."""

    loop: asyncio.AbstractEventLoop
    reactor: Any
    wall_clock: SteadyClock
    _devices: DeviceControl | None = field(default=None, init=False)
    _logins: dict[str, LoginOf] = field(factory=dict, init=False)  # by site

    def adapters_of(
        self, site: SiteConfig, nodes: Sequence[NodeConfig] = ()
    ) -> SiteAdapters:
        """Return the surroundings of `site`.

        Args:
            site: As configured.
            nodes: Whom a price may ask what a block earns, the first of them.

        Raises:
            ImportError: They need what is not installed.
            ScheduleError: The file of a schedule cannot be used.
            ValueError: A signal cannot be had.
        """
        power = site.power
        if power is None:
            return SiteAdapters()
        has_devices = any(row.has_api for row in site.fleet)
        return SiteAdapters(
            devices=self._all_devices() if has_devices else NoDevices(),
            meter=meter_of(power, self.loop),
            signals=[
                *signals_of(
                    *(site.name, power, self.reactor, self.wall_clock, self.loop),
                    rewards=self._rewards(power, nodes),
                ),
                *trip_contact_of(
                    site.name, power, self.loop, self.reactor, self.wall_clock
                ),
            ],
            relay=relay_of(site.name, power, self.reactor),
            foreign=partial(foreign_pools, ours=power.own_pools),
            learn_logins=partial(self._logins.__setitem__, site.name),
        )

    def _rewards(
        self, power: PowerConfig, nodes: Sequence[NodeConfig]
    ) -> NodeRewards | None:
        if not power.asks_node or not nodes:
            return None
        told = node_params(nodes[0])
        rpc = make_rpc_client(told.url, told.credentials, self.reactor)
        return NodeRewards(told.name, rpc, self.wall_clock, told.network)

    def login_of(self, address: str) -> Login:
        """Return what a device is shown: the first site that knows it says so."""
        found = (login_of(address) for login_of in self._logins.values())
        return next((login for login in found if login != NO_LOGIN), NO_LOGIN)

    def _all_devices(self) -> DeviceControl:
        """Return the devices of every site: pyasic is loaded once."""
        if self._devices is None:
            self._devices = PyasicDevices(
                self.loop, load_factory(), login_of=self.login_of
            )
        return self._devices
