"""What every maker's fake is: one machine behind the ports of its firmware."""

import asyncio
from abc import ABC, abstractmethod
from ipaddress import ip_address

from typing_extensions import override

from tests.fakes.makers.behaviour import FakeMachine
from tests.fakes.makers.wires import OK, Json, refusal, serve_cgminer


class MakersFake(ABC):
    """One machine at its own wire.

    Attributes:
        password: The maker's; the machine's switch may say another.
    """

    password = ""

    def __init__(self, machine: FakeMachine, address: str) -> None:
        self.machine = machine
        self.address = address
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen; raises PermissionError where port 80 needs a privilege."""
        self._servers = list(await self.listen())

    async def stop(self) -> None:
        """Listen no more, as a machine that is switched off."""
        for server in self._servers:
            server.close()
        self._servers = []

    @abstractmethod
    async def listen(self) -> list[asyncio.Server]:
        """Return the servers of this firmware, at its address."""

    @property
    def mac(self) -> str:
        """The MAC of its network interface, another one at each address."""
        return "02:00:" + ip_address(self.address).packed.hex(":")

    @property
    def takes_password(self) -> str:
        """The password that opens it now."""
        return self.machine.switches.password or self.password

    async def think(self, *, writes: bool = False) -> None:
        """Wait for as long as the firmware takes to answer."""
        machine = self.machine
        seconds = machine.acknowledges_in if writes else machine.answers_in
        if seconds > 0:
            await asyncio.sleep(seconds)


class CgminerFake(MakersFake):
    """A machine whose port 4028 speaks cgminer's API."""

    joins_commands = True  # "a+b" is answered

    @override
    async def listen(self) -> list[asyncio.Server]:
        return [await serve_cgminer(self.address, self._answer)]

    @abstractmethod
    def show(self, command: str, parameter: str) -> Json | None:
        """Return the sections of an answer; None: no such command."""

    async def _answer(self, request: Json) -> Json | None:
        await self.think(writes=self.is_write(request))
        name = str(request.get("command") or request.get("cmd") or "")
        parameter = str(request.get("parameter", ""))
        if "+" in name:
            if not self.joins_commands:
                return refusal()
            parts = {one: [self._reply(one, "")] for one in name.split("+")}
            return parts | {"id": 1}
        return self._reply(name, parameter)

    def is_write(self, request: Json) -> bool:
        """Tell whether a request is a command."""
        return request.get("command") in {"ascset", "curtail", "profileset"}

    def _reply(self, name: str, parameter: str) -> Json:
        shown = self.show(name, parameter)
        if shown is None:
            return refusal()
        return {"STATUS": OK, "id": 1} | shown

    def pools(self) -> Json:
        """Return the section of cgminer's `pools`."""
        slots = self.machine.pools
        rows = [
            {
                "POOL": number,
                "URL": url,
                "User": self.machine.worker,
                "Status": "Alive",
                "Stratum Active": number == 0,
                "Accepted": 1,
                "Rejected": 0,
                "Get Failures": 0,
                "Remote Failures": 0,
            }
            for number, url in enumerate(slots)
        ]
        return {"POOLS": rows}

    def summary(self) -> Json:
        """Return the section of bmminer's `summary`."""
        rate = self.machine.th_s * 1e3
        return {"SUMMARY": [{"Elapsed": 500, "GHS 5s": rate, "GHS av": rate}]}
