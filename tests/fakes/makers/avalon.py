"""Avalons: cgminer's API at 4028, with everything of a board in one text."""

from typing_extensions import override

from tests.fakes.makers.behaviour import Behaviour
from tests.fakes.makers.wire import CgminerFake
from tests.fakes.makers.wires import OK, Json

AVALON = Behaviour(
    "Avalon",
    "AvalonMiner 1246",
    3420.0,
    342.0,
    60.0,
    90.0,
    act_s=5.0,
    wake_s=60.0,
    tells_sleep=False,
)


class AvalonMiner(CgminerFake):
    """An A1246; garbled: it says watts in words."""

    @override
    def show(self, command: str, parameter: str) -> Json | None:
        machine = self.machine
        match command:
            case "version":
                row = {"CGMiner": "4.11.1", "API": "3.7", "MODEL": "1246"}
                names = {"PROD": machine.behaviour.model, "MAC": "020000000003"}
                return {"VERSION": [row | names]}
            case "devs":
                return {"DEVS": [{"MHS 1m": machine.th_s * 1e6}]}
            case "estats":
                return {"STATS": [{"MM ID0": self._boards()}]}
            case "pools":
                return self.pools()
            case "ascset":
                return self._set(parameter)
            case _:
                return None

    def _boards(self) -> str:
        machine = self.machine
        rate = machine.th_s * 1e3 / 3
        watts = "unknown" if machine.switches.garbled else round(machine.watts)
        return (
            f"Ver[1246] LED[0] Temp[30] TMax[70] Fan1[3000]"
            f" MGHS[{rate:.1f} {rate:.1f} {rate:.1f}] MTmax[70 70 70] GHSmm[90000.0]"
            f" MPO[3420] WALLPOWER[{watts}] SYSTEMSTATU[Work: In Work, Hash Board: 3]"
        )

    def _set(self, parameter: str) -> Json:
        words = parameter.split(",")
        taken = False
        if words[1:2] == ["softoff"]:
            taken = self.machine.sleep()
        elif words[1:2] == ["softon"]:
            taken = self.machine.wake()
        if not taken:
            return {"STATUS": [OK[0] | {"STATUS": "E", "Msg": "ASC 0 set failed"}]}
        said = f"success {words[1]}: {words[-1]}"
        return {"STATUS": [OK[0] | {"STATUS": "I", "Code": 118, "Msg": said}]}
