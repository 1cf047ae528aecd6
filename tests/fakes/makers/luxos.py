"""LuxOS as `proxy.sim` answers, at the address and with the switches of the others."""

from typing_extensions import override

from proxy.sim.luxos import answer, command_of, show
from proxy.sim.luxos_view import LuxosCommand, LuxosView, PoolState, profiles_of
from tests.fakes.makers.behaviour import Behaviour, FakeMachine
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import Json, refusal

LEVELS = [(75.4e12, 2023.0), (84.9e12, 2353.0), (94.5e12, 2701.0), (104e12, 3068.0)]
LUXOS = Behaviour(
    "LuxOS", "Antminer S19j Pro", 3068.0, 307.0, 25.0, 104.0, limits=True,
    limits_w=tuple(watts for _, watts in LEVELS), act_s=3.0, wake_s=10.0,
    tells_sleep=False,
)  # fmt: skip


class LuxosMiner(CgminerFake):
    """An S19j Pro on LuxOS.

    Garbled: its supply says no watts. Its password is a session that somebody holds.

    Attributes:
        is_managed: ATM is on: no profile can be set.
    """

    def __init__(self, machine: FakeMachine, address: str) -> None:
        super().__init__(machine, address)
        self.session = ""
        self.is_managed = False
        self._sessions = 0

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        return None  # _reply has it all

    @override
    def _reply(self, name: str, parameter: str) -> Json:
        if name == "logon" and self.machine.switches.password is not None:
            return refusal("Another session is active", 316)
        command, refused = command_of(name, parameter, self._view())
        if command is None:
            return refused or self._shown(name)
        if not self._obey(command):
            return refusal("refused", 316)
        return answer(command, self._view())

    def _shown(self, name: str) -> Json:
        shown = show(name, self._view())
        if name == "atm":
            return shown | {"ATM": [{"Enabled": self.is_managed}]}
        if name == "power" and self.machine.switches.garbled:
            return shown | {"POWER": [{"Watts": "n/a", "PSU": True}]}
        return shown

    def _obey(self, command: LuxosCommand) -> bool:
        machine = self.machine
        match command.name, command.argument:
            case "logon", _:
                self._sessions += 1
                self.session = f"s{self._sessions}"
            case "curtail", "sleep":
                return machine.sleep()
            case "curtail", _:
                return machine.wake()
            case "atmset", setting:
                self.is_managed = setting == "enabled=true"
            case "profileset", _ if self.is_managed:
                return False
            case "profileset", name:
                watts = next(p.watts for p in profiles_of(LEVELS) if p.name == name)
                return machine.limit(watts)
            case _:
                pass
        return True

    def _view(self) -> LuxosView:
        machine, profiles = self.machine, profiles_of(LEVELS)
        watts = machine.limit_w or machine.behaviour.full_w
        current = next(p for p in profiles if p.watts == watts)
        return LuxosView(
            type=machine.behaviour.model,
            uptime_s=500,
            power_w=machine.watts,
            hashrate=machine.th_s * 1e12,
            top_hashrate=profiles[-1].hashrate,
            profiles=profiles,
            profile=current.name,
            is_asleep=machine.is_asleep,
            session=self.session,
            mac=self.mac,
            pools=tuple(PoolState(u, machine.worker, n == 0) for n, u in self._slots()),
        )

    def _slots(self) -> list[tuple[int, str]]:
        return list(enumerate(self.machine.pools))
