"""Auradines on FluxOS: a web API with a token at 8080, cgminer's API at 4028."""

import asyncio

from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import (
    OK,
    Json,
    Page,
    Request,
    json_page,
    refusal,
    serve_web,
)

AURADINE = Behaviour(
    "Auradine", "AT1500", 2900.0, 290.0, 60.0, 150.0, limits=True, act_s=5.0,
    wake_s=60.0,
)  # fmt: skip
TOKEN = "t0ken"  # noqa: S105


class AuradineMiner(CgminerFake):
    """A Teraflux; garbled: its supply says watts in words.

    Attributes:
        mode: As its owner chose it, or "custom" under a limit.
    """

    password = "admin"  # noqa: S105
    mode = "normal"

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [*await super().listen(), await serve_web(self.address, 8080, self._web)]

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        rate = self.machine.th_s * 1e6
        match command:
            case "version":
                return {"VERSION": [{"GCMiner": "1.0", "API": "3.7"}]}
            case "devdetails":
                row = {"Model": self.machine.behaviour.model, "Driver": "GCMiner"}
                return {"DEVDETAILS": [row]}
            case "summary":
                return {"SUMMARY": [{"MHS 5s": rate}]}
            case "devs":
                board = {"MHS 5s": rate / 3, "Temperature": 60}
                return {"DEVS": [board | {"ID": n} for n in (1, 2, 3)]}
            case "pools":
                return self.pools()
            case _:
                return None

    async def _web(self, request: Request) -> Page | None:
        await self.think(writes=request.method == "POST" and request.path != "/token")
        name = request.path.strip("/")
        if name == "token":
            if request.json().get("password") != self.takes_password:
                return json_page(refusal("wrong password"))
            return json_page({"STATUS": OK, "Token": [{"Token": TOKEN}]})
        if request.headers.get("token") != TOKEN:
            return json_page(refusal("no token"))
        if request.method == "POST":
            return self._command(name, request)
        return json_page({"STATUS": OK} | self._section(name))

    def _section(self, name: str) -> Json:
        machine = self.machine
        watts = "unknown" if machine.switches.garbled else f"{machine.watts:.1f}W"
        match name:
            case "mode":
                mode = {
                    "Mode": self.mode,
                    "Sleep": "on" if machine.is_asleep else "off",
                    "Power": round(machine.limit_w or machine.behaviour.full_w),
                }
                return {"Mode": [mode]}
            case "psu":
                return {"PSU": [{"PowerIn": watts, "PoutMax": "3600W"}]}
            case "ipreport":
                about = {"mac": self.mac, "hostname": "f", "version": "1.0"}
                return {"IPReport": [about]}
            case _:
                return {}

    def _command(self, name: str, request: Request) -> Page:
        said, machine = request.json(), self.machine
        taken = False
        if name == "mode" and "sleep" in said:
            taken = machine.sleep() if said["sleep"] == "on" else machine.wake()
        elif name == "mode" and "mode" in said:
            full = self.machine.behaviour.full_w
            taken = machine.limit(float(said.get("power", full)))
            if taken and not machine.switches.lies:
                self.mode = said["mode"]
        return json_page({"STATUS": OK} if taken else refusal("refused"))
