"""Antminers on VNish: a web API at 80 with a token, bmminer's API at 4028."""

import asyncio
from typing import Any

from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import (
    NOT_FOUND,
    Json,
    Page,
    Request,
    html_page,
    json_page,
    serve_web,
)

VNISH = Behaviour(
    "VNish", "Antminer S19 Pro", 3250.0, 325.0, 60.0, 110.0, limits=True,
    limits_w=(2143.0, 2493.0, 2862.0, 3250.0), act_s=5.0, wake_s=60.0, restarts=True,
    proves_limit=True,
)  # fmt: skip
TOKEN = "t0ken"  # noqa: S105


class VNishMiner(CgminerFake):
    """An Antminer on VNish; garbled: its preset has a name that is no number."""

    password = "admin"  # noqa: S105

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [*await super().listen(), await serve_web(self.address, 80, self._web)]

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        kind = f"{self.machine.behaviour.model} (Vnish 1.2.6)"
        match command:
            case "version":
                row = {"BMMiner": "1.0.0", "API": "3.1", "Miner": "1.2.6", "Type": kind}
                return {"VERSION": [row]}
            case "stats":
                whole = {"Elapsed": 5, "total_rateideal": 110000.0}
                return {"STATS": [{"Type": kind}, whole]}
            case "summary":
                return self.summary()
            case "pools":
                return self.pools()
            case _:
                return None

    @property
    def preset(self) -> str:
        """The name of the preset in force."""
        machine = self.machine
        if machine.switches.garbled:
            return "stock"
        return str(round(machine.limit_w or machine.behaviour.full_w))

    async def _web(self, request: Request) -> Page | None:
        if request.path == "/":
            return html_page("AnthillOS")
        name = request.path.removeprefix("/api/v1/")
        await self.think(writes=request.method == "POST" and name != "unlock")
        if name in {"unlock", "info"}:  # to everybody
            return self._open(name, request)
        if request.headers.get("authorization", "").split()[-1:] != [TOKEN]:
            return json_page({"err": "token"}, 401)
        if request.method == "POST":
            return self._command(name, request)
        if name == "settings" and self.machine.loses_read():
            return None
        return self._pages().get(name, NOT_FOUND)

    def _open(self, name: str, request: Request) -> Page:
        if name == "info":
            return json_page(self._info())
        if request.json().get("pw") != self.takes_password:
            return json_page({"err": "bad password"}, 401)
        return json_page({"token": TOKEN})

    def _info(self) -> dict[str, Any]:
        model = self.machine.behaviour.model
        named = {"miner": model, "model": model.rpartition(" ")[0].lower()}
        return named | {"fw_name": "Vnish", "fw_version": "1.2.6", "platform": "xil"}

    def _pages(self) -> dict[str, Page]:
        machine = self.machine
        state = "stopped" if machine.is_asleep else "mining"
        miner = {
            "power_usage": machine.watts,
            "miner_type": f"{machine.behaviour.model} (Vnish 1.2.6)",
            "miner_status": {"miner_state": state},
            "chains": [],
        }
        network = {"mac": "02:00:00:00:00:04", "hostname": "v"}
        tuned = {"volt": 1280, "freq": 545, "modified": False, "chains": []}
        presets = [
            _preset(f"{w:.0f}") | {"tune_settings": tuned}
            for w in machine.behaviour.limits_w
        ]
        settings: dict[str, Any] = {
            "overclock": {
                "preset": self.preset,
                "globals": {"volt": 1280, "freq": 545},
                "chains": [],
            },
            "pools": [],
            "cooling": {"mode": {"name": "auto"}, "fan_min_count": 2},
        }
        whole = {"miner": miner, "system": {"network_status": network}}
        return {
            "summary": json_page(whole),
            "settings": json_page({"miner": settings}),
            "autotune/presets": json_page(presets),
            "perf-summary": json_page({"current_preset": _preset(self.preset)}),
        }

    def _command(self, name: str, request: Request) -> Page:
        machine = self.machine
        match name:
            case "mining/stop":
                taken = machine.sleep()
            case "mining/resume" | "mining/start":
                taken = machine.wake()
            case "settings":
                machine.limit(float(request.json()["miner"]["overclock"]["preset"]))
                return json_page({"restart_required": False, "reboot_required": False})
            case _:
                return NOT_FOUND
        return json_page({"success": taken}, 200)


def _preset(name: str) -> dict[str, Any]:
    pretty = f"{name} watt ~ 100 TH"
    status = {"status": "tuned", "modded_psu_required": False}
    return {"name": name, "pretty": pretty} | status
