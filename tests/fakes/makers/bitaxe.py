"""Bitaxes on ESP-Miner: a web API at 80, without a command to sleep."""

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

BITAXE = Behaviour("Bitaxe", "BM1370", 18.0, 6.0, 5.0, 1.2, sleeps=False)


class Bitaxe(MakersFake):
    """A Bitaxe Gamma; garbled: it does not say what it draws."""

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [await serve_web(self.address, 80, self._web)]

    async def _web(self, request: Request) -> Page | None:
        if request.path == "/":
            return html_page("AxeOS")
        await self.think()
        if request.path != "/api/system/info":
            return NOT_FOUND
        machine = self.machine
        info = {
            "hashRate": machine.th_s * 1e3,
            "ASICModel": machine.behaviour.model,
            "asicCount": 1,
            "version": "v2.6.0",
            "stratumUser": machine.worker,
            "hostname": "bitaxe",
            "macAddr": "02:00:00:00:00:02",
            "uptimeSeconds": 9,
            "fanrpm": 3000,
            "temp": 55,
            "vrTemp": 50,
            "smallCoreCount": 2040,
            "frequency": 525,
        }
        if not machine.switches.garbled:
            info["power"] = machine.watts
        return json_page(info | self._slots())

    def _slots(self) -> dict[str, object]:
        names = ("stratum", "fallbackStratum")
        slots: dict[str, object] = {}
        for name, url in zip(names, self.machine.pools, strict=False):
            host, _, port = url.rpartition("://")[2].partition(":")
            slots |= {f"{name}URL": host, f"{name}Port": int(port)}
        return slots
