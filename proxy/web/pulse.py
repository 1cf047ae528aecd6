"""Once a second: one frame for all who watch, and nothing where nobody does."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from attrs import define, field
from msgspec import Raw
from twisted.internet.interfaces import IReactorTime

from protocol.units import Seconds
from proxy.admin.operations import Operations
from proxy.admin.rpc import RpcError
from proxy.admin.running import Running
from proxy.config import Config
from proxy.runtime.periodic import PeriodicService
from proxy.runtime.slices import Pieces
from proxy.runtime.tasks import Tasks
from proxy.web.described import describing
from proxy.web.event_log import EventLog, EventView
from proxy.web.map_modes import MODES, MapModes
from proxy.web.site_map import SiteMap
from proxy.web.stream import Streams

EVERY = Seconds(1.0)

PIECES_TIME = Seconds(0.002)
"""What looking at miners may take of a turn of the reactor: shares come first."""

_encode = msgspec.json.encode


class _Power(msgspec.Struct):
    site: str


_power = msgspec.json.Decoder(list[Raw]).decode
_site = msgspec.json.Decoder(_Power).decode


@define(eq=False, repr=False)
class Pulse:
    """Makes the frames.

    Attributes:
        maps: Of each site, by name.
        turned: Called each second, whoever watches.
        power: What the controller last said of each site.
        pieces: What browsers' answers may take of a turn.
    """

    running: Running
    operations: Operations
    streams: Streams
    events: EventLog
    maps: Mapping[str, SiteMap]
    clock: IReactorTime
    turned: Callable[[], None] = field(default=lambda: None, init=False)
    power: dict[str, Raw] = field(factory=dict, init=False)
    pieces: Pieces = field(init=False)
    _tasks: Tasks = field(factory=Tasks, init=False)
    _is_asking: bool = field(default=False, init=False)
    _modes: MapModes = field(init=False)
    _described: dict[str, Config] = field(factory=dict, init=False)
    """By site, the configuration that its map is described by."""

    def __attrs_post_init__(self) -> None:
        self.pieces = Pieces(self.clock, PIECES_TIME)
        self._modes = MapModes(self.operations.power)
        self.events.tell = self._tell

    def service(self) -> PeriodicService:
        """Return what makes a frame each second."""
        return PeriodicService(EVERY, self.beat, self.clock)

    async def beat(self) -> None:
        """Make the frames of this second and send them."""
        self.turned()
        self.streams.tick()
        if not self.streams.viewers:
            return
        if not self._is_asking:
            self._tasks.start("ask for power", self._ask())
        shown = self.maps if self.streams.takers("map") else {}
        for site_map in shown.values():
            await self.look(site_map)
        at = self.running.wall_clock()
        if self.streams.takers("now"):
            self.streams.send("now", _encode(self.now()), at)
        for name, site_map in shown.items():
            self.streams.send(f"map:{name}", site_map.frame(), at)
            await self._send_modes(site_map, at)

    async def look(self, site_map: SiteMap) -> None:
        """Have a map be as its machines are."""
        if self._described.get(site_map.site) is not self.running.config:
            config = self._described[site_map.site] = self.running.config
            describe = describing(config, site_map.site)
            await site_map.describe_anew(describe, self.pieces.turn)
        now = Seconds(self.clock.seconds())
        await site_map.look(now, self.pieces.turn)

    async def _send_modes(self, site_map: SiteMap, at: float) -> None:
        """Send the modes of a map that somebody looks at, and make no other."""
        wanted = frozenset(mode for mode in MODES if self.streams.takers(mode))
        self._modes.forget(wanted)
        for mode in sorted(wanted):
            now = Seconds(self.clock.seconds())
            frame = await self._modes.frame(site_map, mode, now, self.pieces.turn)
            self.streams.send(f"{mode}:{site_map.site}", frame, at)

    def now(self) -> dict[str, Any]:
        """Return the numbers of all sites."""
        return {
            "at": self.running.wall_clock(),
            "viewers": len(self.streams),
            "gens": {name: one.gen for name, one in self.maps.items()},
            "status": self.operations.status(),
            "power": self.power,
        }

    def _tell(self, event: EventView) -> None:
        self.streams.send("news", _encode(event), event.at)
        self.streams.send(event.kind, bytes(event.value), event.id)

    async def _ask(self) -> None:
        """Ask the controller what rules each site; it answers before the next frame."""
        self._is_asking = True
        try:
            raw = bytes(await self.operations.power.show())
            self.power = {_site(one).site: one for one in map(Raw, _power(raw))}
        except RpcError:  # there is none, or it is on its way
            self.power = {}
        finally:
            self._is_asking = False
