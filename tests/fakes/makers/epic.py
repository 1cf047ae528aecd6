"""Antminers on ePIC's control board: a web API at 4028."""

import asyncio

from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import MakersFake
from tests.fakes.makers.wires import (
    NOT_FOUND,
    Page,
    Request,
    html_page,
    json_page,
    serve_web,
)

EPIC = Behaviour(
    "ePIC", "Antminer S19 Pro", 3250.0, 325.0, 60.0, 110.0, act_s=5.0, wake_s=60.0
)


class EpicMiner(MakersFake):
    """An S19 Pro on ePIC; garbled: its supply says no watts."""

    password = "letmein"  # noqa: S105

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [
            await serve_web(self.address, 4028, self._web),
            await serve_web(self.address, 80, self._page),
        ]

    async def _page(self, _: Request) -> Page:
        return html_page("Miner Web Dashboard")

    async def _web(self, request: Request) -> Page | None:
        await self.think(writes=request.method == "POST")
        name = request.path.strip("/")
        if request.method == "POST":
            return self._command(name, request)
        pages = {
            "summary": self._summary(),
            "capabilities": {"Model": self.machine.behaviour.model},
            "network": {"dhcp": {"mac_address": "02:00:00:00:00:07"}},
        }
        return json_page(pages[name]) if name in pages else NOT_FOUND

    def _summary(self) -> dict[str, object]:
        machine = self.machine
        board = {
            "Hashrate": [machine.th_s * 1e6 / 3, 100.0],
            "Temperature": 60,
            "Input Voltage": 14.0,
        }
        slots = [{"pool": u, "login": "a", "password": "x"} for u in machine.pools]
        first = machine.pools[0].rpartition("://")[2] if machine.pools else None
        supply = {} if machine.switches.garbled else {"Input Power": machine.watts}
        return {
            "Hostname": "e",
            "Software": "PowerPlay-BM v1.15.0",
            "Status": {"Operating State": "Idling" if machine.is_asleep else "Mining"},
            "PerpetualTune": {"Running": False, "Algorithm": {}},
            "Power Supply Stats": supply,
            "HBs": [board | {"Index": number} for number in range(3)],
            "Fans Rpm": {"Fans Speed 1": 60},
            "Session": {"Uptime": 5, "Accepted": 1, "Rejected": 0},
            "Stratum": {"Current Pool": first, "IsPoolConnected": True, "Config Id": 0},
            "StratumConfigs": slots,
        }

    def _command(self, name: str, request: Request) -> Page:
        said = request.json()
        if said.get("password") != self.takes_password:
            return json_page({"result": False, "error": "Invalid password"})
        if name != "miner":
            return NOT_FOUND
        stops = said.get("param") == "Stop"
        taken = self.machine.sleep() if stops else self.machine.wake()
        return json_page({"success": taken, "result": taken, "error": None})
