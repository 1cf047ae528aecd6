"""Whatsminers: API v2 (4028, privileged commands in AES), and v3 (4433).

Locked, as they leave the works, they refuse every privileged command and can be read.
"""

import asyncio
import base64
import hashlib
import json
from contextlib import suppress
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from passlib.hash import md5_crypt
from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import CgminerFake, MakersFake
from tests.fakes.makers.wires import Json

V2 = Behaviour(
    "Whatsminer v2", "M50_VH50", 3422.0, 342.0, 100.0, 118.0, limits=True, act_s=10.0,
    wake_s=75.0, restarts=True,
    tells_sleep=False, sleeps_below_w=250.0,
)  # fmt: skip
V3 = Behaviour(
    "Whatsminer v3", "M50S_VH50", 3276.0, 328.0, 100.0, 126.0, limits=True, act_s=10.0,
    wake_s=75.0, restarts=True,
    tells_sleep=False, sleeps_below_w=250.0,
)  # fmt: skip
PORT_V3 = 4433
SALTS = {"salt": "BQ5hoXV9", "time": "8626", "newsalt": "jbzkfQls"}
SALT_V3 = "Wnqr2uFG"


def _message(code: int, message: Any, kind: str = "S") -> Json:
    said = {"STATUS": kind, "When": 1, "Code": code, "Msg": message}
    return said | {"Description": ""}


REFUSED = _message(45, "can't access write cmd", "E")


class WhatsminerV2(CgminerFake):
    """An M50 of 2023; garbled: it says watts in words."""

    password = "admin"  # noqa: S105

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        model = self.machine.behaviour.model
        match command:
            case "version":
                row = {"CGMiner": "4.9.2", "API": "3.7", "Miner": "btminer"}
                return {"VERSION": [row]}
            case "devdetails":
                row = {"Name": "SM", "Driver": "bitmicro", "Model": model}
                rows = [row | {"DEVDETAILS": n, "ID": n} for n in range(3)]
                return {"DEVDETAILS": rows}
            case "summary":
                return {"SUMMARY": [self._summary()]}
            case "devs":
                return {"DEVS": [self._board(n) for n in range(3)]}
            case "pools":
                return self.pools()
            case _:
                return None

    @override
    def _reply(self, name: str, parameter: str) -> Json:
        match name:
            case "get_version":
                about = {"api_ver": "whatsminer v1.4.0", "platform": "H6OS"}
                return _message(131, about | {"fw_ver": "20230911.12.Rel"})
            case "get_miner_info":
                return _message(131, {"mac": self.mac})
            case "status":
                off = "true" if self.machine.is_asleep else "false"
                return _message(131, {"btmineroff": off, "mineroff": "false"})
            case "get_token":
                return REFUSED if self.machine.switches.locked else _message(134, SALTS)
            case _:
                return super()._reply(name, parameter)

    @override
    async def _answer(self, request: Json) -> Json | None:
        if not request.get("enc"):
            return await super()._answer(request)
        await self.think(writes=True)
        key, sign = self._keys()
        try:
            command = json.loads(_aes(key, base64.b64decode(request["data"]), "d"))
        except ValueError:  # another password's key
            return _message(23, "invalid enc", "E")
        if command.get("token") != sign:
            return _message(135, "check token err", "E")
        return self._privileged(key, command)

    def _privileged(self, key: bytes, command: Json) -> Json:
        machine = self.machine
        match command.get("cmd") or command.get("command"):  # it takes either
            case "power_off":
                taken = machine.sleep()
            case "power_on":
                taken = machine.wake()
            case "adjust_power_limit":
                taken = machine.limit(float(command["power_limit"]))
            case _:
                taken = False
        reply = _message(131, "API command OK") if taken else REFUSED
        text = json.dumps(reply).encode()
        padded = text + b"\0" * (-len(text) % 16)
        return {"enc": base64.b64encode(_aes(key, padded, "e")).decode()}

    def _keys(self) -> tuple[bytes, str]:
        """Return the AES key and the token of the session."""
        crypt = md5_crypt.using(salt=SALTS["salt"]).hash(self.takes_password)
        secret = crypt.split("$")[3]
        signed = md5_crypt.using(salt=SALTS["newsalt"]).hash(secret + SALTS["time"])
        return hashlib.sha256(secret.encode()).digest(), signed.split("$")[3]

    def _summary(self) -> Json:
        machine, rate = self.machine, self.machine.th_s * 1e6
        watts = "n/a" if machine.switches.garbled else round(machine.watts)
        return {
            "Elapsed": 5,
            "MHS 1m": rate,
            "MHS av": rate,
            "Power": watts,
            "Power Limit": round(machine.limit_w or machine.behaviour.full_w),
            "Power Mode": "Normal",
            "Fan Speed In": 4000,
            "Fan Speed Out": 4000,
        }

    def _board(self, number: int) -> Json:
        return {
            "ASC": number,
            "Slot": number,
            "MHS 1m": self.machine.th_s * 1e6 / 3,
            "Chip Temp Avg": 60,
            "Temperature": 60,
            "Effective Chips": 105,
            "PCB SN": "1",
        }


def _aes(key: bytes, data: bytes, way: str) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305  (the firmware's)
    turn = cipher.decryptor() if way == "d" else cipher.encryptor()
    return turn.update(data).rstrip(b"\0") if way == "d" else turn.update(data)


class WhatsminerV3(MakersFake):
    """An M50S with firmware from 2024.11 on; garbled: its watts are a text."""

    password = "super"  # noqa: S105

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [await asyncio.start_server(self._serve, self.address, PORT_V3)]

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(
            OSError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            size = int.from_bytes(await reader.readexactly(4), "little")
            request = json.loads(await reader.readexactly(min(size, 1 << 16)))
            await self.think(writes=request["cmd"].startswith("set."))
            reply = json.dumps(self._reply(request)).encode()
            writer.write(len(reply).to_bytes(4, "little") + reply)
            await writer.drain()
        writer.close()

    def _reply(self, request: Json) -> Json:
        command, what = request["cmd"], request.get("param")
        if command.startswith("set."):
            done = self._is_known(request) and self._set(command, what)
            return {"code": 0 if done else -2, "msg": "ok" if done else "no permission"}
        match command, what:
            case "get.device.info", _:
                return _v3(self._info())
            case "get.miner.status", "summary":
                slots = enumerate(self.machine.pools, 1)
                pools = [{"id": n, "url": u, "status": "alive"} for n, u in slots]
                return _v3({"summary": self._summary(), "pools": pools})
            case "get.miner.status", "edevs":
                rate = self.machine.th_s / 3
                board = {"hash-average": rate, "chip-temp-min": 50, "chip-temp-max": 60}
                rows = [board | {"id": n, "effective-chips": 105} for n in range(3)]
                return _v3({"edevs": rows})
            case _:
                return {"code": -1, "msg": "invalid command"}

    def _info(self) -> Json:
        return {
            "salt": SALT_V3,
            "miner": {"type": self.machine.behaviour.model, "miner-sn": "FAKE3"},
            "network": {"mac": self.mac, "hostname": "w"},
            "system": {"api": "3.0.1", "fwversion": "20250601.12.REL"},
            "hardware": {"boards": 3},
        }

    def _summary(self) -> Json:
        machine = self.machine
        watts = "n/a" if machine.switches.garbled else round(machine.watts)
        return {
            "elapsed": 5,
            "hash-realtime": machine.th_s,
            "power-realtime": watts,
            "power-limit": round(machine.limit_w or machine.behaviour.full_w),
        }

    def _is_known(self, request: Json) -> bool:
        words = f"{request['cmd']}{self.takes_password}{SALT_V3}{request['ts']}"
        digest = base64.b64encode(hashlib.sha256(words.encode()).digest())
        return bool(request.get("token") == digest[:8].decode())

    def _set(self, command: str, what: Any) -> bool:
        machine = self.machine
        match command, what:
            case "set.miner.service", "stop":
                return machine.sleep()
            case "set.miner.service", "start":
                return machine.wake()
            case "set.miner.power_limit", _:
                return machine.limit(float(what))
            case _:
                return False


def _v3(message: Json) -> Json:
    return {"code": 0, "when": 1, "msg": message, "desc": ""}
