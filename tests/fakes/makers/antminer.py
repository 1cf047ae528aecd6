"""Antminers on the maker's firmware: CGI with digest at 80, cgminer's API at 4028."""

import asyncio
import hashlib
import re
from typing import Any

from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import (
    NOT_FOUND,
    Json,
    Page,
    Request,
    json_page,
    serve_web,
)

STOCK = Behaviour(
    "Antminer stock", "Antminer S19 Pro", 3250.0, 325.0, 25.0, 110.0, answer_s=8.0,
    act_s=5.0, wake_s=60.0,
    says_watts=False, reads_first=True,
)  # fmt: skip
OLD = Behaviour(
    "Antminer S9",
    "Antminer S9",
    1323.0,
    132.0,
    25.0,
    13.5,
    sleeps=False,
    wake_s=60.0,
    says_watts=False,
)
NORMAL, SLEEP = "0", "1"
NONCE = "6e6f6e6365"


class StockAntminer(CgminerFake):
    """A stock Antminer.

    Attributes:
        settings: Beside the pools and the mode, by the names under which it shows them.
        mode: Its work mode; "1" sleeps, "3" is low power.
    """

    password = "root"  # noqa: S105
    realm = "antMiner Configuration"
    joins_commands = False

    def __init__(self, machine: Any, address: str) -> None:
        super().__init__(machine, address)
        self.mode = NORMAL
        self.settings: dict[str, Any] = {
            "bitmain-fan-ctrl": False,
            "bitmain-fan-pwm": "100",
            "bitmain-freq-level": "100",
        }

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [*await super().listen(), await serve_web(self.address, 80, self._web)]

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        model = self.machine.behaviour.model
        match command:
            case "version":
                row = {"BMMiner": "1.0.0", "API": "3.1", "Miner": "1.3", "Type": model}
                return {"VERSION": [row]}
            case "stats":
                rate = {"Elapsed": 500, "total_rateideal": 110000.0, "rate_unit": "GH"}
                return {"STATS": [{"Type": model}, rate]}
            case "summary":
                return self.summary()
            case "pools":
                return self.pools()
            case _:
                return None

    async def _web(self, request: Request) -> Page | None:
        if not self._is_known(request):
            asks = f'Digest realm="{self.realm}", nonce="{NONCE}", qop="auth"'
            return Page(401, b"<html>401</html>", {"WWW-Authenticate": asks})
        await self.think(writes=request.method == "POST")
        name = request.path.rpartition("/")[2].removesuffix(".cgi")
        if name == "get_miner_conf" and self.machine.loses_read():
            return None
        page = self._pages().get(name)
        return self._set(request) if name == "set_miner_conf" else page or NOT_FOUND

    def _is_known(self, request: Request) -> bool:
        said = request.headers.get("authorization", "")
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', said))
        if not fields:
            return False
        who = f"{fields.get('username')}:{self.realm}:{self.takes_password}"
        what = f"{request.method}:{fields.get('uri')}"
        middle = [fields.get(key, "") for key in ("nonce", "nc", "cnonce", "qop")]
        whole = ":".join([_md5(who), *middle, _md5(what)])
        return fields.get("response") == _md5(whole)

    def _pages(self) -> dict[str, Page]:
        machine = self.machine
        slots = [*machine.pools, "", "", ""][:3]
        pools = [{"url": u, "user": machine.worker, "pass": "x"} for u in slots]
        board = {
            "rate_real": "n/a" if machine.switches.garbled else machine.th_s * 1e3 / 3,
            "asic_num": 114,
            "temp_pcb": [50] * 4,
            "temp_chip": [60] * 4,
            "sn": "x",
        }
        about = {
            "minertype": machine.behaviour.model,
            "macaddr": self.mac,
            "hostname": "a",
            "serinum": "FAKE1",
        }
        mode = {"pools": pools, "bitmain-work-mode": self.mode}
        boards = [board | {"index": number} for number in range(3)]
        return {
            "get_system_info": json_page(about),
            "get_miner_conf": json_page(self.settings | mode),
            "stats": json_page({"STATS": [{"chain": boards}]}),
            "summary": json_page({"SUMMARY": [{"status": []}]}),
        }

    def _set(self, request: Request) -> Page:
        """Write the whole configuration: what is left out is empty afterwards."""
        body, machine = request.json(), self.machine
        mode = str(body.get("miner-mode", NORMAL))
        taken = machine.sleep() if mode == SLEEP else machine.wake()
        if not taken:
            return json_page({"stats": "error", "code": "M001", "msg": "no!"})
        if not machine.switches.lies:
            self.mode = mode
            machine.pools = tuple(p["url"] for p in body.get("pools", ()) if p["url"])
            for name in self.settings:
                written = name.replace("bitmain-freq-level", "freq-level")
                self.settings[name] = body.get(written)
        return json_page({"stats": "success", "code": "M000", "msg": "OK!"})


class OldAntminer(StockAntminer):
    """An S9 on the maker's firmware: it can be read, and has no command to stop."""

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        if command != "stats":
            return super().show(command, parameter)
        rate = self.machine.th_s * 1e3
        boards: Json = {f"chain_rate{n}": f"{rate / 3:.2f}" for n in (6, 7, 8)}
        boards |= {f"chain_acn{n}": 63 for n in (6, 7, 8)}
        boards |= {f"temp{n}": 60 for n in (6, 7, 8)}
        boards |= {f"temp2_{n}": 70 for n in (6, 7, 8)}
        whole = {"Elapsed": 500, "GHS 5s": rate, "total_rateideal": 13500.0}
        return {"STATS": [{"Type": self.machine.behaviour.model}, whole | boards]}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  (digest auth is MD5)
