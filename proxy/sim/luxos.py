"""The replies of LuxOS's device API, as a function of the machine.

One JSON object a connection: a command and its parameter, answered by one object,
a NUL and the end of the connection. `a+b` asks for both. Spec: LuxOS API 3.7,
docs.luxor.tech/firmware/api/luxminer; field names as pyasic 0.79 reads them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from protocol.unreadable import UNREADABLE
from proxy.sim.luxos_view import TOP_MEGAHERTZ, LuxosCommand, LuxosView

MAX_REQUEST_BYTES = 4096
BOARDS = 3
CHIPS = 126
_VERSION = "2024.9.30.165404"
_ABOUT = "LUXminer 2024.9.30"
_TOP_VOLTS = 13.0
_BAD_TOKEN, _UNKNOWN, _NO_PROFILE = 316, 14, 330

Reply = dict[str, Any]


class _Request(msgspec.Struct):
    command: str
    parameter: str = ""


_decode = msgspec.json.Decoder(_Request).decode

PRIVILEGED = frozenset({"curtail", "profileset", "rebootdevice", "logoff", "atmset"})
"""Commands whose parameter begins with the session token."""


def read_request(data: bytes) -> tuple[list[str], str] | None:
    """Return the commands and the parameter of a request, None while it is not whole.

    Raises:
        ValueError: It is longer than any request is.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise ValueError(f"request of {len(data)} B > {MAX_REQUEST_BYTES} B")
    try:
        request = _decode(data)
    except UNREADABLE:
        return None
    return request.command.split("+"), request.parameter


def command_of(
    name: str, parameter: str, view: LuxosView
) -> tuple[LuxosCommand | None, Reply | None]:
    """Return what shall be done, or the refusal; neither: it only asks."""
    if name == "logon":
        if view.session:
            return None, _refusal(_BAD_TOKEN, "Another session is active")
        return LuxosCommand("logon"), None
    if name not in PRIVILEGED:
        return None, None
    token, _, argument = parameter.partition(",")
    if not view.session or token != view.session:
        return None, _refusal(_BAD_TOKEN, "Invalid session")
    refusal = _wrong_argument(name, argument, view)
    return (None, refusal) if refusal else (LuxosCommand(name, argument), None)


def _wrong_argument(name: str, argument: str, view: LuxosView) -> Reply | None:
    if name == "curtail" and argument not in {"sleep", "wakeup"}:
        return _refusal(_UNKNOWN, f"Invalid argument: {argument}")
    if name == "profileset" and argument not in {p.name for p in view.profiles}:
        return _refusal(_NO_PROFILE, f"Unknown profile: {argument}")
    return None


def answer(command: LuxosCommand, view: LuxosView) -> Reply:
    """Return the acknowledgement of `command`; `view` is the machine afterwards."""
    match command.name:
        case "logon":
            return _good(12, "Session created", SESSION=[{"SessionID": view.session}])
        case "curtail":
            action = "sleep mode" if command.argument == "sleep" else "wake up"
            return _good(335, "Curtail", CURTAIL=[{"Action": action}])
        case "profileset":
            boards = [{"Board": b, "Profile": command.argument} for b in range(BOARDS)]
            return _good(321, "Profile set", PROFILE=boards)
        case name:
            return _good(1, f"{name} done")


def show(name: str, view: LuxosView) -> Reply:
    """Return the reply to a question, or the refusal of an unknown one."""
    section = _SECTIONS.get(name)
    if section is None:
        return _refusal(_UNKNOWN, "Invalid command")
    return section(view)


def encode(names: list[str], replies: list[Reply], when: int) -> bytes:
    """Return what goes over the wire: one reply, or several under their names.

    Args:
        names: Of what was asked for.
        replies: To each.
        when: What time it is to the machine, Unix seconds.
    """
    for reply in replies:
        reply["STATUS"] = [status | {"When": when} for status in reply["STATUS"]]
    if len(names) == 1:
        whole: Reply = {**replies[0], "id": 1}
    else:
        whole = {n: [r] for n, r in zip(names, replies, strict=True)} | {"id": 1}
    return msgspec.json.encode(whole) + b"\0"


def _status(kind: str, code: int, message: str) -> list[Reply]:
    said = {"STATUS": kind, "Code": code, "Msg": message}
    return [said | {"Description": _ABOUT}]


def _good(code: int, message: str, **sections: Any) -> Reply:
    return {"STATUS": _status("S", code, message), **sections}


def _refusal(code: int, message: str) -> Reply:
    return {"STATUS": _status("E", code, message)}


def _version(view: LuxosView) -> Reply:
    one = {"API": "3.7", "Miner": _VERSION, "LUXminer": _VERSION, "Type": view.type}
    return _good(22, "LUXminer versions", VERSION=[one])


def _devdetails(view: LuxosView) -> Reply:
    boards = [{"DEVDETAILS": b, "ID": b, "Model": view.type} for b in range(BOARDS)]
    return _good(69, "Device details", DEVDETAILS=boards)


def _session(view: LuxosView) -> Reply:
    return _good(315, "Session", SESSION=[{"SessionID": view.session}])


def _profiles(view: LuxosView) -> Reply:
    top = view.profiles[-1].hashrate
    rows = [
        {
            "Profile Name": p.name,
            "Frequency": round(TOP_MEGAHERTZ * p.hashrate / top),
            "Voltage": round(_TOP_VOLTS - 4.0 * (1 - p.hashrate / top), 1),
            "Hashrate": round(p.hashrate / 1e12, 1),
            "Watts": round(p.watts),
            "IsTuned": False,
        }
        for p in view.profiles
    ]
    return _good(320, "Available frequency profiles", PROFILES=rows)


def _config(view: LuxosView) -> Reply:
    one = {
        "Profile": view.profile,
        "MACAddr": view.mac,
        "RedLed": "off",
        "CurtailMode": "Sleep" if view.is_asleep else "None",
        "Model": view.type,
    }
    return _good(326, "Configuration", CONFIG=[one])


def _power(view: LuxosView) -> Reply:
    return _good(323, "Power", POWER=[{"Watts": round(view.power_w), "PSU": True}])


def _stats(view: LuxosView) -> Reply:
    gigahashes = view.hashrate / 1e9
    stats: Reply = {
        "Elapsed": view.uptime_s,
        "total_rateideal": view.top_hashrate / 1e9,
        "rate_unit": "GH",
    }
    for board in range(1, BOARDS + 1):
        stats[f"chain_rate{board}"] = f"{gigahashes / BOARDS:.2f}"
        stats[f"chain_acn{board}"] = CHIPS
        stats[f"temp_chip{board}"] = "70-71-72-73"
        stats[f"temp_pcb{board}"] = "55-56-57-58"
    return _good(70, "LUXminer stats", STATS=[{"Type": view.type}, stats])


def _summary(view: LuxosView) -> Reply:
    rate = view.hashrate / 1e9
    one = {"Elapsed": view.uptime_s, "GHS 5s": rate, "GHS av": rate}
    return _good(11, "Summary", SUMMARY=[one])


def _fans(_: LuxosView) -> Reply:
    fans = [{"FAN": n, "ID": n, "RPM": 4200, "Speed": 60} for n in range(4)]
    return _good(202, "Fans", FANS=fans, FANCTRL=[{"MinFans": 1}])


def _tempctrl(_: LuxosView) -> Reply:
    one = {"Mode": "Automatic", "Target": 65, "Hot": 80, "Dangerous": 90}
    return _good(200, "Temperature control", TEMPCTRL=[one])


def _pools(view: LuxosView) -> Reply:
    rows = [
        {
            "POOL": n,
            "GROUP": 0,
            "URL": pool.url,
            "User": pool.user,
            "Status": "Alive" if pool.is_active else "Dead",
            "Stratum Active": pool.is_active,
            "Accepted": 0,
            "Rejected": 0,
            "Get Failures": 0,
            "Remote Failures": 0,
        }
        for n, pool in enumerate(view.pools)
    ]
    return _good(7, "Pools", POOLS=rows)


def _groups(_: LuxosView) -> Reply:
    return _good(210, "Groups", GROUPS=[{"GROUP": 0, "Name": "default", "Quota": 1}])


def _atm(_: LuxosView) -> Reply:
    return _good(339, "ATM configuration values", ATM=[{"Enabled": False}])


_SECTIONS: dict[str, Callable[[LuxosView], Reply]] = {
    "version": _version,
    "devdetails": _devdetails,
    "session": _session,
    "profiles": _profiles,
    "config": _config,
    "power": _power,
    "stats": _stats,
    "summary": _summary,
    "fans": _fans,
    "tempctrl": _tempctrl,
    "pools": _pools,
    "groups": _groups,
    "atm": _atm,
}
