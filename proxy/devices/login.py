"""User names and passwords of devices, each shown as its maker wants it.

pyasic 0.79 has the maker's own at every machine, and answers a wrong one as it answers
any other failure: where a command failed, the device is asked whether that was why.
"""

from collections.abc import Callable
from typing import Any

from proxy.power.ports import NO_LOGIN, DeviceError, DeviceLoginError, Login

LoginOf = Callable[[str], Login]
"""Returns what the device at an address is shown."""

_DIGEST_PAGES = {
    "AntminerModern": "cgi-bin/get_system_info.cgi",
    "HiveonModern": "cgi-bin/get_system_info.cgi",
    "MaraMiner": "kaonsu/v1/brief",
}
"""By pyasic's backend class: a page that asks for the same digest as its commands."""

_WORDS = (
    "password",
    "unauthenticated",
    "unauthorized",
    "check token",
    "invalid enc",
    "enc json",
)
"""In what other firmware answers to a wrong one: ePIC, Braiins OS, Whatsminer."""

_REFUSED = frozenset({401, 403})


def makers_own(_: str) -> Login:
    """Return no login: the device has its maker's."""
    return NO_LOGIN


def show_login(miner: Any, login: Login) -> None:
    """Have pyasic show `login` at each of a machine's interfaces that asks for one."""
    for part in (miner.web, miner.rpc, miner.ssh):
        if part is None:
            continue
        if login.username is not None and hasattr(part, "username"):
            part.username = login.username
        if login.password is not None and hasattr(part, "pwd"):
            part.pwd = login.password


def hidden(text: str, login: Login) -> str:
    """Return `text` without the password that a library may have put into it."""
    return text.replace(login.password, "***") if login.password else text


def is_about_login(text: str) -> bool:
    """Tell whether what a firmware answers is about a user name or a password."""
    return any(word in text.lower() for word in _WORDS)


async def explained(miner: Any, error: DeviceError) -> DeviceError:
    """Return why a command failed: `error`, or that the login is a wrong one.

    Args:
        miner: A pyasic machine.
        error: As its command ended.
    """
    if is_about_login(str(error)):
        return DeviceLoginError(str(error))
    try:
        is_refused = await _is_refused(miner)
    except Exception:  # noqa: BLE001  (whatever a firmware provokes: it explains nothing)
        return error
    if is_refused:
        return DeviceLoginError("the device refuses the user name or the password")
    return error


async def _is_refused(miner: Any) -> bool:
    names = {kind.__name__ for kind in type(miner).__mro__}
    web = miner.web
    for name in _DIGEST_PAGES.keys() & names:
        url = f"http://{miner.ip}:{web.port}/{_DIGEST_PAGES[name]}"
        return await _status("GET", url, digest=(web.username, web.pwd)) in _REFUSED
    if "Auradine" in names:
        asked = {"command": "token", "user": web.username, "password": web.pwd}
        url = f"http://{miner.ip}:{web.port}/token"
        reply = await _asked("POST", url, json=asked)
        return reply.status_code in _REFUSED or "Token" not in reply.json()
    if "VNish" in names:
        url = f"http://{miner.ip}:{web.port}/api/v1/unlock"
        return await _status("POST", url, json={"pw": web.pwd}) in _REFUSED
    return False


async def _status(
    method: str, url: str, digest: tuple[str, str] | None = None, json: Any = None
) -> int:
    return int((await _asked(method, url, digest, json)).status_code)


async def _asked(
    method: str, url: str, digest: tuple[str, str] | None = None, json: Any = None
) -> Any:
    import httpx  # noqa: PLC0415  (of the extra `controller`)

    auth = None if digest is None else httpx.DigestAuth(*digest)
    async with httpx.AsyncClient(timeout=_WITHIN_S, verify=False) as client:  # noqa: S501  (plain HTTP)
        return await client.request(method, url, auth=auth, json=json)


_WITHIN_S = 3.0
"""To ask: the command has failed, and is waited for."""
